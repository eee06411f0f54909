/** Makes the images that tests use, where they are not there yet: `make test` does so first, and no test waits for it. */
import { imageArchives, missingImages } from "./images.ts";

const missing = missingImages();
if (missing.length > 0) {
  console.log(`making images for the tests, once on this machine: ${missing.join(", ")}`);
  const started = performance.now();
  await imageArchives(missing);
  console.log(`made in ${((performance.now() - started) / 1000).toFixed(0)} s`);
}
