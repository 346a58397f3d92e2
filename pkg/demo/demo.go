package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/simulate"
)

// Options says what to show.
type Options struct {
	Out     io.Writer
	Log     *zap.Logger
	Dir     string // data folder; "" is a new one that is removed at the end
	Seed    uint64 // of the simulation; 0 draws one
	Records int    // about how many; 0 is DefaultRecords
	// Stay keeps everything running until ctx ends, to look around; otherwise Run ends by itself.
	Stay           bool
	WithoutAttacks bool
	Without        []string // ids of rules to leave out: what they would find is then missing
}

// DefaultRecords is a day that a laptop takes in half a minute.
const DefaultRecords = 100_000

// What Run returns: an exit status.
const (
	ok       = 0
	surprise = 1 // an expected alert did not come, or another one did
	broken   = 3 // the demo itself could not run
)

// history is longer than any rule of ours has to learn.
const history = 21 * 24 * time.Hour

// hunts that are shown: one for each attack.
func hunts() []string { return []string{"root-activity", "steady-connections", "s3-downloads"} }

// Run shows the demo and returns the process's exit status: 0 if exactly the expected alerts came.
func Run(ctx context.Context, o Options) int {
	if o.Records == 0 {
		o.Records = DefaultRecords
	}
	if o.Seed == 0 {
		o.Seed = drawSeed()
	}
	d := &demo{Options: o, screen: &screen{out: o.Out}, began: time.Now()}
	defer d.close()
	verdict, err := d.run(ctx)
	switch {
	case ctx.Err() != nil && d.shown:
		return verdict // Ctrl-C after all was shown is how a demo that stays up ends
	case ctx.Err() != nil:
		d.screen.line("stopped")
		return broken
	case err != nil:
		d.screen.line("the demo could not run: %v", err)
		return broken
	}
	return verdict
}

// drawSeed returns a number that is easy to type.
func drawSeed() uint64 {
	n, err := rand.Int(rand.Reader, big.NewInt(999_999))
	if err != nil { // crypto/rand does not fail on the systems Go supports
		panic("BUG: no random numbers: " + err.Error())
	}
	return n.Uint64() + 1
}

func newSecret() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails, see drawSeed
	return hex.EncodeToString(b)
}

// demo is one run.
type demo struct {
	Options
	screen   *screen
	began    time.Time
	receiver *receiver
	token    string // of ingest
	stop     func() // ends the app and waits for it
	remove   string // folder to remove at the end
	shown    bool
}

func (d *demo) close() {
	if d.stop != nil {
		d.stop()
	}
	if d.receiver != nil {
		d.receiver.close()
	}
	if d.remove != "" {
		_ = os.RemoveAll(d.remove) // temporary: what cannot be removed is the system's to clean up
	}
}

// run is the demo, step by step.
func (d *demo) run(ctx context.Context) (verdict int, err error) {
	cfg, err := d.configure()
	if err != nil {
		return broken, err
	}
	d.screen.line("seed %d; the same again: shrike demo --seed %[1]d", d.Seed)
	d.screen.line("starting Kafka, ClickHouse and every stage in this process …")
	running, stopped, err := d.start(ctx, cfg)
	if err != nil {
		return broken, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { // ends with the app, at the latest in close
		cancel(fmt.Errorf("shrike stopped: %w", <-stopped))
	}()
	verdict, err = d.show(ctx, running)
	if err != nil && context.Cause(ctx) != nil {
		err = context.Cause(ctx)
	}
	return verdict, err
}

// show plays the day and tells what came of it.
func (d *demo) show(ctx context.Context, running *app.App) (int, error) {
	at := running.Endpoints()
	api, err := newClient(&at)
	if err != nil {
		return broken, err
	}
	d.screen.line("ready after %s", since(d.began))
	records, err := d.play(ctx, at.IngestURL)
	if err != nil {
		return broken, err
	}
	d.screen.line("%s records sent, all acknowledged by Kafka; waiting for the stages to finish them", number(records))
	if err := api.settled(ctx); err != nil {
		return broken, err
	}
	if err := d.receiver.problem(); err != nil {
		return broken, err
	}
	for _, name := range hunts() {
		if err := d.hunt(ctx, api, name); err != nil {
			return broken, err
		}
	}
	stored, err := d.audit(ctx, &at, records)
	if err != nil {
		return broken, err
	}
	verdict := d.judge(stored)
	d.shown = true
	if d.Stay {
		d.addresses(&at)
		<-ctx.Done()
	}
	return verdict, nil
}

// configure makes the configuration: everything on free loopback ports, alerts to the demo's own receiver.
func (d *demo) configure() (*config.Config, error) {
	var err error
	if d.Dir == "" {
		if d.Dir, err = os.MkdirTemp("", "shrike-demo-"); err != nil {
			return nil, fmt.Errorf("make the data folder: %w", err)
		}
		d.remove = d.Dir
	}
	secret := newSecret()
	if d.receiver, err = newReceiver(secret, d.screen.alert); err != nil {
		return nil, err
	}
	tokens := filepath.Join(d.Dir, "ingest-token")
	if err := os.MkdirAll(d.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	d.token = newSecret()
	if err := os.WriteFile(tokens, []byte(d.token+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write the ingest token: %w", err)
	}
	cfg := config.Default()
	cfg.DataDir = d.Dir
	cfg.Listen.Address, cfg.Listen.IngestAddress, cfg.Listen.MetricsAddress = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.Listen.IngestTokenFile = tokens
	cfg.Receivers = []config.Receiver{{Webhook: &config.Webhook{
		Name: "demo", URL: config.Secret(d.receiver.url()), Secret: config.Secret(secret), Severity: "info",
	}}}
	return cfg, nil
}

// start runs the app and waits until it is ready. stopped gives the app's end, once.
func (d *demo) start(ctx context.Context, cfg *config.Config) (running *app.App, stopped <-chan error, err error) {
	running, err = app.New(cfg, app.Options{Roles: app.AllRoles(), Log: d.Log, Without: d.Without})
	if err != nil {
		return nil, nil, err
	}
	// Not ctx's child: the app stops after the demo, also when the demo is interrupted.
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	end, ended := make(chan error, 1), make(chan struct{})
	go func() { // ends when stop is called, or by an error of the app's
		defer close(ended)
		if err := running.Run(own); err != nil {
			end <- err
			return
		}
		end <- errors.New("it was told to")
	}()
	d.stop = func() {
		cancel()
		<-ended
	}
	select {
	case <-running.Ready():
		return running, end, nil
	case err := <-end:
		return nil, nil, err
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// attacks returns what is hidden in the day.
func (d *demo) attacks() []simulate.Attack {
	if d.WithoutAttacks {
		return nil
	}
	return simulate.Attacks()
}
