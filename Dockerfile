# One image for every service and for `migrate`; docker-compose.yml names the program.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY libs libs
COPY apps apps
# The optional packages are the embedded ClickHouse, which is not needed here, and the binary of LMDB, which is installed by
# name below. The only install script that matters is the npm package of Node itself: not needed either.
RUN npm install --omit=optional --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.base.json ./
RUN node node_modules/typescript/bin/tsc -b \
 && npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund
# LMDB's binary is an optional package, one for each platform, and this one is needed.
RUN npm install --no-save --no-package-lock --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
      "@lmdb/lmdb-linux-$(node -p process.arch)@$(node -p "require('lmdb/package.json').version")"
# Only what runs: programs, queries, assets, packages. Sources, tests, the demo's launcher and the embedded engines stay behind.
RUN mkdir /out && cp -a package.json node_modules /out/ && rm -rf /out/node_modules/node /out/node_modules/.bin \
 && for part in libs/* apps/*; do \
      mkdir -p "/out/$part"; \
      for piece in package.json dist queries assets node_modules; do \
        if [ -e "$part/$piece" ]; then cp -a "$part/$piece" "/out/$part/"; fi; \
      done; \
    done \
 && rm -rf /out/apps/launcher /out/libs/engines /out/libs/testing \
 && find /out/apps /out/libs -name '*.tsbuildinfo' -delete

FROM node:24-slim
WORKDIR /app
COPY --from=build --chown=root:root /out ./
COPY migrations migrations
# What ingestion keeps over a restart; a volume that is mounted here is owned as this folder is.
RUN mkdir -p /var/lib/tributary && chown node:node /var/lib/tributary
# Settings of ours, but for HEALTH_URL, which only the health check below reads; each service has a port of its own.
ENV NODE_ENV=production \
    LISTEN_HOST=0.0.0.0 \
    INGESTION_STATE=/var/lib/tributary/ingestion \
    HEALTH_URL=http://127.0.0.1:8080/health/ready
RUN mkdir -p /var/lib/tributary/ingestion && chown node:node /var/lib/tributary/ingestion
USER node
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=6 \
  CMD ["node", "-e", "fetch(process.env.HEALTH_URL).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--enable-source-maps", "apps/ingestion/dist/main.js"]
