import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["production"] },
  ssr: { resolve: { conditions: ["production"] } },
  test: { environment: "happy-dom", include: ["test/**/*.test.ts"], server: { deps: { inline: [/lit/] } } },
});
