# cmake -C scripts/presets/fuzz.cmake -B build-fuzz; scripts/fuzz does that and runs what it builds.
# libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer; every finding ends the program.
set(CMAKE_C_COMPILER clang CACHE STRING "")
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(CMAKE_C_FLAGS_DEBUG "-O2 -g" CACHE STRING "")
set(PARLOR_SANITIZE ON CACHE BOOL "")
set(PARLOR_FUZZER ON CACHE BOOL "")
