{{- define "dynlb.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}
{{- end }}

{{- define "dynlb.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "dynlb.labels" -}}
{{ include "dynlb.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* The Deployments of the config, as a list in JSON: the one beside apps, and those of apps. */ -}}
{{- define "dynlb.deployments" -}}
{{- with dig "fleet" "kubernetes" "namespace" "" .Values.config }}
{{- if ne . $.Release.Namespace }}{{ fail (print "config.fleet.kubernetes.namespace is " . ": install the chart there, as the Role is in the namespace of the release") }}{{ end }}
{{- end }}
{{- $all := list (dig "fleet" "kubernetes" "deployment" "" .Values.config) }}
{{- range $app := dig "apps" dict .Values.config }}
{{- $all = append $all (dig "fleet" "kubernetes" "deployment" "" $app) }}
{{- end }}
{{- $all = $all | compact | uniq | sortAlpha }}
{{- if not $all }}{{ fail "config names no Deployment: set config.fleet.kubernetes.deployment" }}{{ end }}
{{- $all | toJson }}
{{- end }}

{{- /* Whether there is a control listener off loopback. */ -}}
{{- define "dynlb.admin" -}}
{{- if or .Values.serviceMonitor.enabled .Values.siblings }}true{{ end }}
{{- end }}
