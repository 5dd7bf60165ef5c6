package conformance

import "testing"

func TestOpenIDClient(t *testing.T) {
	t.Parallel()
	judge(t, "openid-client.mjs", newEnvironment(t))
}

func TestMSALNode(t *testing.T) {
	t.Parallel()
	judge(t, "msal-node.mjs", newEnvironment(t))
}

func TestMSALNodeChallenge(t *testing.T) {
	t.Parallel()
	judge(t, "msal-node-challenge.mjs", newChallenging(t))
}

func TestMetadataDocument(t *testing.T) {
	t.Parallel()
	judge(t, "metadata.mjs", newEnvironment(t))
}

func TestDynamicsWebAPI(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"read", "fetch", "definitions", "relationships", "write", "batch", "changes"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			judge(t, "dynamics-web-api-"+part+".mjs", newEnvironment(t))
		})
	}
}
