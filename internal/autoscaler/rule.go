package autoscaler

// The rules that decide on the target, as events, the log and the status name them.
const (
	RuleWindow   = "window"   // the load of a window and the thresholds
	RuleReserve  = "reserve"  // instances that the load did not need have become idle
	RuleZero     = "zero"     // requests wait and no instance was running
	RuleLoad     = "load"     // the load of a short window is far above the threshold
	RuleQueue    = "queue"    // requests wait and more arrive than the instances bear
	RuleOrder    = "order"    // ScaleTo
	RuleBounds   = "bounds"   // minInstances and maxInstances
	RuleSchedule = "schedule" // an entry of the schedule
)
