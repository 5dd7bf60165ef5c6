package sandbox

// WithBearer returns the configuration with a token that the Web API takes
// without the sign-in server.
func WithBearer(cfg Config, token string) Config {
	cfg.bearer = token
	return cfg
}
