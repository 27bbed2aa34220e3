import CrypTenBase
package import CrypTenRing

/// What a device reaches, each figure beside what the design expects of the card, where it says something.
///
/// A figure is the median of several repetitions. What would take longer than some seconds is left out, and says so.
package struct DeviceBenchmark: Sendable {
    /// One line of the table.
    package struct Row: Codable, Sendable {
        package var name: String
        /// Nil where it wasn't measured: see the note.
        package var figure: Double?
        /// "GB/s" and "GMAC/s" are 10^9 bytes or multiply-accumulates a second, "µs" is time.
        package var unit: String
        /// The design's, computed and not measured.
        package var estimate: Double?
        /// Why there is no figure.
        package var note: String?

        package init(name: String, figure: Double?, unit: String, estimate: Double? = nil, note: String? = nil) {
            (self.name, self.figure, self.unit) = (name, figure, unit)
            (self.estimate, self.note) = (estimate, note)
        }
    }

    let queue: any DeviceQueue
    let extent: DeviceCheck.Extent
    let estimates: DeviceEstimates?
    let watch: DeviceStopwatch
    /// What one call would take longer for isn't measured, in seconds.
    let longest: Double
    /// What a call must take to say how fast a kernel is, in seconds.
    let moment: Double
    let starting: @Sendable (String) -> Void
    let ended: @Sendable (Row) -> Void

    /// - Parameters:
    ///   - queue: The device's.
    ///   - extent: `.short` measures little, and not well: for tests.
    ///   - starting: Is told of each row before it's measured.
    ///   - ended: Is told of each row.
    package init(
        _ queue: any DeviceQueue,
        extent: DeviceCheck.Extent,
        starting: @escaping @Sendable (String) -> Void = { _ in },
        ended: @escaping @Sendable (Row) -> Void
    ) {
        (self.queue, self.extent) = (queue, extent)
        (self.starting, self.ended) = (starting, ended)
        estimates = DeviceEstimates.of(queue.deviceName)
        let isShort = extent == .short
        watch = DeviceStopwatch(queue: queue, repetitions: isShort ? 1 : 5, duration: isShort ? 0.005 : 0.05)
        longest = isShort ? 0.5 : 4
        moment = isShort ? 0 : 1e-3
    }

    /// Measures what predictions are made of, and nothing else, within seconds.
    package init(predictingWith queue: any DeviceQueue, starting: @escaping @Sendable (String) -> Void = { _ in }) {
        (self.queue, extent) = (queue, .whole)
        (self.starting, ended) = (starting, { _ in })
        estimates = nil
        watch = DeviceStopwatch(queue: queue, repetitions: 5, duration: 0.02)
        longest = 4
        moment = 1e-3
    }

    /// Measures all rows.
    ///
    /// - Throws: `.deviceFailed`; where there is no room for a row's operands, the row says so, but for those that every prediction needs.
    package func run() throws -> DeviceProfile {
        var profile = try basicProfile()
        try measureProducts()
        try measureConvolutions()
        try measureKernels(&profile, byResidues: true)
        try profile.check()
        return profile
    }

    /// Measures what predictions are made of. Products by residues aren't, where a device has no tiles of signed bytes.
    ///
    /// - Throws: `.deviceFailed`, or `.notEnoughDeviceMemory`.
    package func profile() throws -> DeviceProfile {
        var profile = try basicProfile()
        try measureKernels(&profile, byResidues: queue.name == "cuda")
        try profile.check()
        return profile
    }

    private func basicProfile() throws -> DeviceProfile {
        var profile = DeviceProfile(device: queue.deviceName, library: queue.name, memoryBytes: queue.memoryBytes)
        try measureMemory(&profile)
        try measureCalls(&profile)
        return profile
    }

    /// Measures a rate, in 10^9 a second.
    ///
    /// - Returns: The rate a second, nil where there is none.
    @discardableResult
    func rate(_ name: String, _ unit: String, estimate: Double?, _ measure: () throws -> Double) throws -> Double? {
        starting(name)
        do {
            let rate = try measure()
            ended(Row(name: name, figure: rate / 1e9, unit: unit, estimate: estimate.map { $0 / 1e9 }))
            return rate
        } catch let error as CrypTenError where error.code == .notEnoughDeviceMemory {
            ended(Row(name: name, figure: nil, unit: unit, note: error.message))
            return nil
        }
    }

    /// Measures a time.
    func time(_ name: String, estimate: Double?, _ measure: () throws -> Double) throws -> Double {
        starting(name)
        let seconds = try measure()
        ended(Row(name: name, figure: seconds * 1e6, unit: "µs", estimate: estimate.map { $0 * 1e6 }))
        return seconds
    }

    /// Something of 2^20 words, or of eight times as many as long as that's done within a moment: a cache holds none of it then.
    func growing(
        from least: Int = 1 << 20,
        to most: Int = 1 << 27,
        moment: Double = 1e-3,
        _ measure: (_ words: Int) throws -> Double
    ) throws -> (words: Int, seconds: Double) {
        var words = least
        while true {
            let seconds = try measure(words)
            if seconds >= moment || words * 8 > most || extent == .short { return (words, seconds) }
            words *= 8
        }
    }
}
