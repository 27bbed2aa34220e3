import CrypTenBase
import CrypTenRing

/// What memory, the bus and the generator reach, and what a call takes.
extension DeviceBenchmark {
    private static let key = ExpansionKey(low: 0x5EED, high: 0)

    /// The device's memory for `body`.
    private func withCall<Result>(_ body: (DeviceCall) throws -> Result) rethrows -> Result {
        let call = DeviceCall(DeviceKernels(queue: queue, settings: .everything))
        defer { call.end() }
        return try body(call)
    }

    func measureMemory(_ profile: inout DeviceProfile) throws {
        profile.bytesPerSecond = try needed("a copy on it, read and written", estimate: estimates?.memoryBytes) {
            let (words, seconds) = try growing { words in
                try withCall { call in
                    let (to, from) = (try call.words(words, of: 1), try call.words(words, of: 2))
                    let walk = DeviceWalk([words], to: [1], from: [1])
                    return try watch.seconds { try call.copy(walk, to: to, from: from) }
                }
            }
            return Double(16 * words) / seconds
        }
        try measureBus(&profile)
        try rate("words of the generator", "GB/s", estimate: estimates?.expandedBytes) {
            let (words, seconds) = try growing { words in
                try withCall { call in
                    let to = try call.room(words)
                    return try watch.seconds {
                        try call.expand(Self.key, number: 0, from: 0, count: words, to: to, .store)
                    }
                }
            }
            return Double(8 * words) / seconds
        }
        try rate("sums of two, read and written", "GB/s", estimate: estimates?.memoryBytes) {
            let (words, seconds) = try growing { words in
                let kernels = DeviceKernels(queue: queue, settings: .everything)
                let (a, b) = (operand(kernels, [words], 1), operand(kernels, [words], 2))
                let seconds = try watch.seconds { _ = try place(of: kernels.add(a, b), kernels) }
                try kernels.check()
                return seconds
            }
            return Double(24 * words) / seconds
        }
    }

    private func measureBus(_ profile: inout DeviceProfile) throws {
        /// Bytes a second of a copy of words that lie on both sides.
        func bus(_ copy: (DeviceAddress, UnsafeMutableRawBufferPointer) throws -> Void) throws -> Double {
            let (words, seconds) = try growing(from: 1 << 17, to: 1 << 25, moment: 5e-3) { words in
                try withCall { call in
                    let place = try call.words(words, of: 3)
                    var host = [UInt64](repeating: 4, count: words)
                    return try host.withUnsafeMutableBytes { host in try watch.seconds { try copy(place, host) } }
                }
            }
            return Double(8 * words) / seconds
        }
        profile.uploadedBytesPerSecond = try needed("a copy to it", estimate: nil) {
            try bus { place, host in
                if let base = host.baseAddress { try queue.upload(base, bytes: host.count, to: place) }
            }
        }
        try rate("a copy from it, waited for", "GB/s", estimate: nil) {
            try bus { place, host in
                if let base = host.baseAddress { try queue.download(place, bytes: host.count, to: base) }
            }
        }
        profile.downloadedBytesPerSecond = try needed("a copy from it to pinned memory", estimate: nil) {
            try bus { place, host in _ = try queue.beginDownload(place, bytes: host.count).wait() }
        }
    }

    /// A rate without which nothing can be predicted, in bytes a second.
    private func needed(_ name: String, estimate: Double?, _ measure: () throws -> Double) throws -> Double {
        if let rate = try rate(name, "GB/s", estimate: estimate, measure) { return rate }
        throw CrypTenError(.notEnoughDeviceMemory, "\(queue.deviceName) has no room to measure \(name)")
    }

    /// What copies of a word take.
    private func measureCopies(_ profile: inout DeviceProfile) throws {
        try withCall { call in
            let place = try call.words(8, of: 3)
            var words = [UInt64](repeating: 4, count: 8)
            let (bytes, upload, download) = (64, "a copy of 64 bytes to it", "a copy of 64 bytes from it, waited for")
            profile.uploadSeconds = try time(upload, estimate: nil) {
                try words.withUnsafeMutableBytes { words in
                    try watch.seconds {
                        if let base = words.baseAddress { try queue.upload(base, bytes: bytes, to: place) }
                    }
                }
            }
            profile.downloadSeconds = try time(download, estimate: nil) {
                try watch.seconds { _ = try queue.beginDownload(place, bytes: bytes).wait() }
            }
        }
    }

    func measureCalls(_ profile: inout DeviceProfile) throws {
        try measureCopies(&profile)
        let launches = extent == .short ? 50 : 2000
        try withCall { call in
            let arguments = FillArguments(to: try call.room(1), count: 1, value: 5)
            func launch() throws { try call.forEach(1, "fill", arguments) }
            try launch()
            try queue.finish()
            profile.submitSeconds = try time("a launch, until it's queued", estimate: estimates?.launch) {
                try watch.median {
                    let seconds = try DeviceStopwatch.seconds { for _ in 0..<launches { try launch() } }
                    try queue.finish()
                    return seconds / Double(launches)
                }
            }
            profile.launchSeconds = try time("a launch, until it's done", estimate: estimates?.launch) {
                try watch.median {
                    try DeviceStopwatch.seconds {
                        for _ in 0..<launches { try launch() }
                        try queue.finish()
                    } / Double(launches)
                }
            }
        }
        let kernels = DeviceKernels(queue: queue, settings: .everything)
        let (a, b) = (operand(kernels, [64], 1), operand(kernels, [64], 2))
        _ = try time("a sum of two of 64 words", estimate: nil) {
            try watch.seconds { _ = try place(of: kernels.add(a, b), kernels) }
        }
        profile.roundSeconds = try time("a round: 32 KiB up, a sum, 32 KiB down", estimate: estimates?.round) {
            let words = [UInt64](repeating: 7, count: 4096)
            let own = operand(kernels, [4096], 3)
            return try watch.seconds {
                let sum = kernels.add(RingTensor(words, shape: [4096]), own)
                _ = try queue.beginDownload(try place(of: sum, kernels), bytes: 4096 * 8).wait()
            }
        }
        try kernels.check()
    }

    /// Where a tensor lies on the device; what is promised is computed.
    private func place(of tensor: RingTensor, _ kernels: DeviceKernels) throws -> DeviceAddress {
        let call = DeviceCall(kernels)
        defer { call.end() }
        return try call.place(of: tensor)
    }

    /// Words that look random, on the device.
    func operand(_ kernels: DeviceKernels, _ shape: Shape, _ number: UInt64) -> RingTensor {
        kernels.expand(Self.key, number: number, from: 0, shape: shape)
    }
}
