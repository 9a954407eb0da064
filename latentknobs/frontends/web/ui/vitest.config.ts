import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["production"] },
  ssr: { resolve: { conditions: ["production"] } },
  test: { environment: "happy-dom", testTimeout: 30_000, include: ["test/**/*.test.ts"], server: { deps: { inline: [/lit/] } } },
});
