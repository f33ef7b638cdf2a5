// Every page in the dark colours, as axe-core sees it.

import { checkEveryPage } from './lib/accessibility.mjs';

await checkEveryPage('dark');
