// Package tracing holds no code of its own: its tests trace programs that use pooled.
package tracing
