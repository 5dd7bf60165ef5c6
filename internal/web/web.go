// Package web serves the console: the files that the UI's build left in dist,
// which are part of the binary. Without a build it serves a page that says
// how to make one, so that the program builds and runs without Node.
package web

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed all:dist
var embedded embed.FS

const index = "index.html"

// Built reports whether the binary holds a built console.
func Built() bool { return built(dist()) }

// Handler serves the embedded console. Paths that name no file get the
// console's index page, because the console has its own pages. It is safe for
// concurrent use.
func Handler() http.Handler { return New(dist()) }

func dist() fs.FS {
	sub, err := fs.Sub(embedded, "dist")
	if err != nil {
		panic("web: " + err.Error()) // only a malformed name fails
	}
	return sub
}

func built(files fs.FS) bool {
	info, err := fs.Stat(files, index)
	return err == nil && info.Mode().IsRegular()
}
