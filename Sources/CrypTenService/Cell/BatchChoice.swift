import CrypTenSharing

/// What all parties make of a batch that one of them has proposed, once each has said what it has: the same everywhere.
package struct BatchChoice: Sendable {
    /// Run now, in this order.
    package var accepted: [RequestTable.Candidate] = []
    /// Another party has them in another form.
    package var different: [RequestTable.Candidate] = []
    /// Another party doesn't have them yet.
    package var missing: [RequestTable.Candidate] = []
    /// Rows of what is accepted.
    package var rows = 0
    /// Into how many rows they are put.
    package var size: Int?

    /// - Parameters:
    ///   - candidates: What was proposed.
    ///   - statuses: What each party has of each: one list a party, as long as the candidates.
    ///   - sizes: The rows that runs have, ascending.
    ///   - isAlone: Whether requests can't share a run; then a run's rows are the request's.
    package init(_ candidates: [RequestTable.Candidate], statuses: [[UInt8]], sizes: [Int], isAlone: Bool) {
        let most = sizes.last ?? 0
        for (index, candidate) in candidates.enumerated() {
            let said = statuses.map { index < $0.count ? $0[index] : RequestTable.Status.missing.rawValue }
            if said.contains(RequestTable.Status.different.rawValue) {
                different.append(candidate)
            } else if said.contains(where: { $0 != RequestTable.Status.present.rawValue }) {
                missing.append(candidate)
            } else if accepted.isEmpty || (!isAlone && rows + candidate.rows <= most) {
                accepted.append(candidate)
                rows += candidate.rows
            }
        }
        size = isAlone ? sizes.first { $0 == rows } : sizes.first { $0 >= rows }
    }

    /// What the run is for, as it enters its binding: the list of requests, in order, with their forms, and the size.
    package func purpose(model: String, version: String) -> [UInt8] {
        var hash = PartsHash()
        for text in ["a batch of a cell", model, version, "\(size ?? 0)", "\(accepted.count)"] { hash.add(text) }
        for candidate in accepted {
            hash.add(candidate.key.client)
            hash.add(candidate.key.epoch.bytes)
            hash.add(candidate.key.id.bytes)
            hash.add(candidate.form.bytes)
            hash.add("\(candidate.rows)")
        }
        return hash.finalize()
    }
}
