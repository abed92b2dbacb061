package history

import (
	"google.golang.org/protobuf/proto"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// merge returns points, of which there is at least one, as one that ends with the last of
// them. Its percentiles are averages by requests.
func merge(points []*dynlbv1.HistoryPoint) *dynlbv1.HistoryPoint {
	last := points[len(points)-1]
	out := proto.Clone(last).(*dynlbv1.HistoryPoint) //nolint:forcetypeassert // a clone
	if len(points) == 1 {
		return out
	}
	var weights, p50, p95, p99 float64
	for _, p := range points {
		weight := float64(requestsOf(p))
		weights += weight
		p50 += weight * float64(p.GetP50Ms())
		p95 += weight * float64(p.GetP95Ms())
		p99 += weight * float64(p.GetP99Ms())
	}
	if weights > 0 {
		out.P50Ms, out.P95Ms, out.P99Ms = float32(p50/weights), float32(p95/weights), float32(p99/weights)
	}
	for _, p := range points[:len(points)-1] {
		addCounts(out, p)
	}
	n := float32(len(points))
	for _, p := range points[:len(points)-1] {
		out.InFlight += p.GetInFlight()
		out.Streams += p.GetStreams()
		out.Waiting += p.GetWaiting()
		out.Load += p.GetLoad()
		out.CpuCores += p.GetCpuCores()
		out.MemoryBytes += p.GetMemoryBytes()
	}
	out.InFlight /= n
	out.Streams /= n
	out.Waiting /= n
	out.Load /= n
	out.CpuCores /= n
	out.MemoryBytes /= float64(len(points))
	return out
}

// addCounts adds the counts of a point to another one.
func addCounts(to, p *dynlbv1.HistoryPoint) {
	to.Responses_1Xx += p.GetResponses_1Xx()
	to.Responses_2Xx += p.GetResponses_2Xx()
	to.Responses_3Xx += p.GetResponses_3Xx()
	to.Responses_4Xx += p.GetResponses_4Xx()
	to.Responses_5Xx += p.GetResponses_5Xx()
	to.ErrorsClient += p.GetErrorsClient()
	to.ErrorsDynlb += p.GetErrorsDynlb()
	to.ErrorsInstance += p.GetErrorsInstance()
	to.Restarts += p.GetRestarts()
	to.Retries += p.GetRetries()
}

// requestsOf returns how many requests ended in the interval of a point.
func requestsOf(p *dynlbv1.HistoryPoint) uint32 {
	return p.GetResponses_1Xx() + p.GetResponses_2Xx() + p.GetResponses_3Xx() + p.GetResponses_4Xx() + p.GetResponses_5Xx()
}
