# cmake -C scripts/presets/sanitize.cmake -B build-sanitize
# AddressSanitizer and UndefinedBehaviorSanitizer; every finding ends the program.
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g" CACHE STRING "")
set(PARLOR_SANITIZE ON CACHE BOOL "")
