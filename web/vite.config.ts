import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// The development server hands API calls to a running Crosswalk.
const backend = process.env.CROSSWALK_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  build: {
    // The Go package internal/web embeds this folder. public/.gitkeep keeps
    // the folder's own .gitkeep alive when it is emptied.
    outDir: '../internal/web/dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
    rollupOptions: {
      output: {
        manualChunks: {
          mantine: ['@mantine/core', '@mantine/hooks', '@mantine/notifications'],
          tanstack: ['@tanstack/react-query', '@tanstack/react-router'],
        },
      },
    },
  },
  server: {
    port: 5173,
    proxy: { '/api': backend, '/oauth': backend },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
