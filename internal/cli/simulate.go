package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/daemon"
	"github.com/dynlb/dynlb/internal/simulate"
)

func newSimulate(o *options) *cobra.Command {
	var file, rates, plot string
	var s simulate.Scenario
	cmd := &cobra.Command{
		Use:     "simulate (--rates 25x10s,140x40s | --load FILE)",
		Example: "  dynlb simulate --rates 25x10s,140x40s\n  dynlb simulate --load load.txt --boot 2s --service 50ms",
		Short:   "Show how the number of instances would follow a load",
		Long: `Show how the number of instances would follow a load. The code that decides is that
of 'dynlb serve', with the settings of the config; it runs in virtual time against a
model of the app, so a minute takes milliseconds. The same input gives the same
output.

--rates gives requests per second and how long they arrive: 25x10s,140x40s.
--load reads a file that 'dynlb record' wrote; it also gives the service time.
--plot writes a picture of load, instances, queue and latency, with the decisions.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			app, err := o.loadApp()
			if err != nil {
				return err
			}
			switch {
			case s.App.Boot < 0 || s.App.Service <= 0 || s.App.Concurrency < 0:
				return usageError{errors.New("--boot and --concurrency must be 0 or more, and --service above 0")}
			case (file == "") == (rates == ""):
				return usageError{errors.New("give one of --rates and --load")}
			case rates != "":
				if s.Load, err = simulate.ParseRates(rates); err != nil {
					return usageError{fmt.Errorf("--rates: %w", err)}
				}
			default:
				var service time.Duration
				if s.Load, service, err = readLoad(file); err != nil {
					return err
				}
				if service > 0 && !cmd.Flags().Changed("service") {
					s.App.Service = service
				}
			}
			if ext := filepath.Ext(plot); plot != "" && ext != ".svg" && ext != ".png" {
				return usageError{fmt.Errorf("--plot %s: give a file that ends in .svg or .png", plot)}
			}
			s.Registry, s.Scaling = daemon.Simulated(app)
			result := simulate.Run(s)
			return errors.Join(writePlot(plot, result, s.Load), result.Write(cmd.OutOrStdout(), s.Load))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.app, "app", "", "app of the config, if there are several")
	flags.StringVar(&rates, "rates", "", "load: requests per second and for how long, such as 25x10s,140x40s")
	flags.StringVar(&file, "load", "", "file with a load, as 'dynlb record' writes it")
	flags.DurationVar(&s.App.Boot, "boot", 300*time.Millisecond, "time from the start of an instance until it is ready")
	flags.DurationVar(&s.App.Service, "service", 50*time.Millisecond, "time that an instance works on a request")
	flags.IntVar(&s.App.Concurrency, "concurrency", 1, "requests that an instance works on at the same time; 0: any number")
	flags.StringVar(&plot, "plot", "", "write a picture to this file, which ends in .svg or .png")
	flags.Uint64Var(&s.Seed, "seed", 1, "seed of the random arrivals")
	return cmd
}

// loadApp returns the app of the config that --app names.
func (o *options) loadApp() (*config.App, error) {
	settings, err := config.Load(o.config, os.Getenv)
	if err != nil {
		return nil, err
	}
	return appIn(&settings, o.app)
}

// writePlot writes the picture of a result; to no file if that is "".
func writePlot(file string, result simulate.Result, load []simulate.Phase) error {
	if file == "" {
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write plot: %w", err)
	}
	plot := result.PlotSVG
	if filepath.Ext(file) == ".png" {
		plot = result.PlotPNG
	}
	if err := errors.Join(plot(f, load), f.Close()); err != nil {
		return fmt.Errorf("write plot %s: %w", file, err)
	}
	return nil
}

// readLoad reads a recorded load from a file.
func readLoad(file string) ([]simulate.Phase, time.Duration, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, fmt.Errorf("read load: %w", err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	load, service, err := simulate.ReadLoad(f)
	if err != nil {
		return nil, 0, fmt.Errorf("read load %s: %w", file, err)
	}
	return load, service, nil
}
