package cli

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/store"
)

// databases returns how to reach ClickHouse as the service and as a hunter: as configured, else the embedded engine of
// the Shrike that runs on the data folder.
func databases(cfg *config.Config) (service, hunter store.Config, err error) {
	if !cfg.ClickHouse.Embedded() {
		return app.StoreConfig(cfg)
	}
	e, err := app.ReadEndpoints(cfg.DataDir)
	if err != nil {
		return service, hunter, err
	}
	service = store.Config{
		Addrs: []string{e.ClickHouse}, Database: e.ClickHouseDatabase, User: e.ServiceUser, Password: e.ServicePassword,
	}
	hunter = service
	hunter.User, hunter.Password = e.HunterUser, e.HunterPassword
	return service, hunter, nil
}

// openStore opens the database and makes sure that it answers.
func (s *shell) openStore(ctx context.Context) (*store.Store, *config.Config, error) {
	cfg, err := s.config()
	if err != nil {
		return nil, nil, err
	}
	service, _, err := databases(cfg)
	if err != nil {
		return nil, nil, err
	}
	db, err := store.Open(ctx, service, zap.NewNop())
	if err != nil {
		return nil, nil, err
	}
	if err := db.Ping(ctx); err != nil {
		_ = db.Close()
		return nil, nil, fmt.Errorf("%w (at %v)", err, service.Addrs)
	}
	return db, cfg, nil
}
