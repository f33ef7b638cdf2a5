// Every page in the light colours, as axe-core sees it.

import { checkEveryPage } from './lib/accessibility.mjs';

await checkEveryPage('light');
