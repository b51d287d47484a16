import Database

extension Announcement {
    /// `alert.raised`: what is wrong, in a sentence and in figures.
    init(_ alert: AlertRow) throws {
        routingKey = "alert.raised"
        eventID = try JobIdentity.event(routingKey, about: alert.id.text, "")
        reply = nil
        body =
            JSONText.object([
                ("event", .string(routingKey)), ("event_id", .string(eventID.text)),
                ("alert_id", .string(alert.id.text)),
                ("model_version", .string(alert.placed.figure.subject.version)),
                ("segment_kind", .string(alert.placed.figure.subject.segment.kind.rawValue)),
                ("segment", .string(alert.placed.figure.subject.segment.name)),
                ("metric", .string(alert.placed.figure.metric)), ("method", .string(alert.placed.figure.method)),
                ("value", .double(alert.value)), ("threshold", .double(alert.threshold)),
                ("window_kind", .string(alert.placed.kind)), ("window_start", .string("\(alert.placed.start)")),
                ("window_end", .string("\(alert.placed.end)")), ("reason", .string(alert.reason)),
                ("raised_at", .string("\(alert.raisedAt)")),
            ]).text
    }

    /// `alert.resolved`, by the monitor itself.
    init(_ resolution: AlertResolutionRow) throws {
        routingKey = "alert.resolved"
        eventID = try JobIdentity.event(routingKey, about: resolution.alert.text, "\(resolution.number)")
        reply = nil
        body =
            JSONText.object([
                ("event", .string(routingKey)), ("event_id", .string(eventID.text)),
                ("alert_id", .string(resolution.alert.text)), ("reason", .string(resolution.reason)),
                ("acted_by", .string(resolution.actedBy)), ("acted_at", .string("\(resolution.actedAt)")),
            ]).text
    }
}
