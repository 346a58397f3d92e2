package telemetry

import (
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// LogOptions says how to log.
type LogOptions struct {
	Level  string // debug, info, warn or error
	Format string // json or console
	Out    io.Writer
}

// Of equal messages within a second the first sampleFirst are written, then one of sampleEvery: a flood of bad records
// must not become a flood of log lines. The counters in the metrics miss none.
const (
	sampleFirst = 10
	sampleEvery = 1000
)

// NewLogger returns a logger that writes to o.Out, one write a line, serialised. Times are UTC.
func NewLogger(o LogOptions) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(o.Level)
	if err != nil {
		return nil, fmt.Errorf("set up log: %w", err)
	}
	c := zap.NewProductionEncoderConfig()
	c.TimeKey, c.MessageKey = "time", "message"
	c.EncodeTime = func(t time.Time, enc zapcore.PrimitiveArrayEncoder) {
		enc.AppendString(t.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	c.EncodeDuration = zapcore.StringDurationEncoder
	var enc zapcore.Encoder
	switch o.Format {
	case "json":
		enc = zapcore.NewJSONEncoder(c)
	case "console":
		c.EncodeLevel = zapcore.CapitalLevelEncoder
		enc = zapcore.NewConsoleEncoder(c)
	default:
		return nil, fmt.Errorf("set up log: no format %q", o.Format)
	}
	core := zapcore.NewCore(enc, zapcore.Lock(zapcore.AddSync(o.Out)), level)
	return zap.New(zapcore.NewSamplerWithOptions(core, time.Second, sampleFirst, sampleEvery)), nil
}
