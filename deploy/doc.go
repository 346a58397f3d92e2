// Package deploy holds what runs Shrike in containers: the Dockerfile and the containers' configuration, and beside
// them, as tests, what keeps those files, docker-compose.yml and the reference of metrics true to the binary. It has no
// code of its own.
package deploy
