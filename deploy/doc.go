// Package deploy holds what runs Shrike in containers: the Dockerfile and the containers' configuration, and beside
// them, as tests, what keeps those files and docker-compose.yml true to the binary. It has no code of its own.
package deploy
