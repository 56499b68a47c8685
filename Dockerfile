# One image for every service; docker-compose.yml names the program. Not built yet: no Docker engine was available.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY libs libs
COPY apps apps
# The optional packages are the embedded ClickHouse, and the only install script is the npm package of Node itself:
# neither is needed here.
RUN npm install --omit=optional --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.base.json ./
RUN node node_modules/typescript/bin/tsc -b \
 && npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-slim
WORKDIR /app
COPY --from=build /app ./
COPY migrations migrations
ENV NODE_ENV=production LISTEN_HOST=0.0.0.0
USER node
CMD ["node", "--enable-source-maps", "apps/ingestion/dist/main.js"]
