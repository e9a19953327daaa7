# docker build -t agent-engine-sessions . && docker run -p 8080:8080 agent-engine-sessions
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE CHANGELOG.md main.py ./
COPY docs docs
COPY functions functions
COPY emulator emulator
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /dist .

FROM python:3.13-slim
ARG EXTRAS=firestore
COPY --from=build /dist /dist
RUN pip install --no-cache-dir "$(echo /dist/*.whl)[$EXTRAS]" \
    && rm -r /dist \
    && useradd --system --uid 10001 sessions \
    && install -d -o sessions /data
USER 10001
WORKDIR /data
VOLUME /data
ENV HOST=0.0.0.0 PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=5s --start-period=10s --start-interval=1s \
    CMD ["agent-engine-sessions", "check"]
ENTRYPOINT ["agent-engine-sessions"]
CMD ["start"]
