import CrypTenBase
import CrypTenRing

/// What each kernel reaches: what predictions are made of.
///
/// A call is measured as it is, and its work is counted as predictions count it, by a queue that computes nothing: what else it launches is
/// taken off by what is known of that.
extension DeviceBenchmark {
    private static let key = ExpansionKey(low: 0x5EED, high: 1)
    /// Work-items that one after the other take so many steps, where a kernel's may be many.
    private static let deepSteps = 2048

    /// - Parameter byResidues: Whether kernels of products by residues are measured, which a device without tensor cores only emulates.
    func measureKernels(_ profile: inout DeviceProfile, byResidues: Bool) throws {
        try measureMoving(&profile)
        try measureElements(&profile)
        try measureBits(&profile)
        try measureLogic(&profile)
        try measureSums(&profile)
        try measureWords(&profile)
        if byResidues { try measureResidues(&profile) }
    }

    // MARK: What is measured

    private func measureMoving(_ profile: inout DeviceProfile) throws {
        try measure(.fill, &profile) { _, words in { call in _ = try call.words(words, of: 3) } }
        try measure(.copy, &profile) { kernels, words in
            let a = operand(kernels, [words / 4096, 64, 64], 1)
            return { call in _ = try call.made(kernels.gather(a, .permuting(a.shape, axes: [1, 0, 2]))) }
        }
        try measure(.take, &profile) { kernels, words in
            let a = operand(kernels, [words / 64, 64], 1)
            let indices = (0..<words / 64).map { ($0 &* 7919) % (words / 64) }
            return { call in _ = try call.made(kernels.take(a, axis: 0, indices: indices)) }
        }
        try measure(.patches, &profile) { _, words in
            let (extent, channels) = (32, max(1, words / (9 * 1024)))
            return { call in
                let (from, to) = (
                    try call.room(channels * extent * extent), try call.room(channels * extent * extent * 9)
                )
                let count = extent * extent * channels * 9
                try call.forEach(
                    count,
                    "patches",
                    PatchesArguments(square: extent, channels: channels, from: from, to: to)
                )
            }
        }
        try measure(.expand, &profile) { _, words in
            { call in
                let to = try call.room(words)
                try call.expand(Self.key, number: 0, from: 0, count: words, to: to, .store)
            }
        }
        try measure(.tails, &profile) { _, words in
            let planes = words / 64
            return { call in
                let to = try call.room(planes * 2)
                try call.clearTails(to, planes: planes, of: 65)
            }
        }
    }

    private func measureElements(_ profile: inout DeviceProfile) throws {
        try measure(.elementwise, &profile) { kernels, words in
            let (a, b) = (operand(kernels, [words], 1), operand(kernels, [words], 2))
            return { call in
                var x = kernels.add(a, b)
                x = kernels.multiply(x, b)
                x = kernels.add(x, scalar: 5)
                x = kernels.shiftRight(x, by: 7)
                x = kernels.subtract(x, a)
                x = kernels.multiply(x, scalar: 9)
                x = kernels.lowBits(x, 50)
                _ = try call.made(kernels.negate(x))
            }
        }
        profile.sinesPerSecond = .infinity
        let sines = try call("kernel elementwise, sines", profile) { kernels, words in
            let a = operand(kernels, [words], 1)
            return { call in _ = try call.made(kernels.sine(a, times: 3, plus: 5)) }
        }
        if let (words, seconds) = sines {
            let steps = try profile.seconds(of: .elementwise, KernelWork(bytes: 16 * words, amount: words))
            profile.sinesPerSecond = Double(words) / max(seconds - steps, seconds / 10)
        }
    }

    private func measureBits(_ profile: inout DeviceProfile) throws {
        try measure(.truncate, &profile) { kernels, words in
            let a = operand(kernels, [words], 1)
            return { call in _ = try call.made(kernels.truncate(a, by: 16).0) }
        }
        try measure(.pack, &profile) { kernels, words in
            let a = operand(kernels, [words], 1)
            return { call in _ = try call.made(kernels.pack(a, bits: 21)) }
        }
        try measure(.unpack, &profile) { kernels, words in
            let a = operand(kernels, [(words * 21 + 63) / 64], 1)
            return { call in _ = try call.made(kernels.unpack(a, bits: 21, shape: [words])) }
        }
        try measure(.addUnpacked, &profile) { kernels, words in
            let a = operand(kernels, [(words * 21 + 63) / 64], 1)
            let bits = kernels.expandBits(Self.key, number: 2, fromPlane: 0, planes: 1, count: words)
            return { call in
                let (from, chosen) = (try call.place(of: a), try call.place(of: bits))
                let arguments = AddUnpackedArguments(
                    to: try call.room(words),
                    from: from,
                    chosen: chosen,
                    count: UInt64(words),
                    bits: 21,
                    shift: 3
                )
                try call.forEach(words, "add_unpacked", arguments)
            }
        }
        try measure(.planesOf, &profile) { kernels, words in
            let a = operand(kernels, [words], 1)
            return { call in _ = try call.made(kernels.planes(of: a, from: 0, count: 64)) }
        }
        try measure(.wordsOf, &profile) { kernels, words in
            let bits = kernels.expandBits(Self.key, number: 2, fromPlane: 0, planes: 64, count: words)
            return { call in _ = try call.made(kernels.words(of: bits, shape: [words])) }
        }
        try measure(.weights, &profile) { kernels, words in
            let bits = (0..<8).map { plane in
                kernels.expandBits(Self.key, number: 2, fromPlane: plane, planes: 1, count: words)
            }
            return { call in
                _ = try call.made(kernels.weights(of: bits, factors: (0..<8).map { 3 << $0 }, constant: 5))
            }
        }
    }

    /// Some hundred steps on registers for every dozen planes that are read: of comparisons.
    private func measureLogic(_ profile: inout DeviceProfile) throws {
        func program(_ kernels: DeviceKernels, elements: Int) -> (DeviceCall) throws -> Void {
            let planes = 32
            let a = kernels.expandBits(Self.key, number: 3, fromPlane: 0, planes: planes, count: elements)
            let program = Self.chain(planes: planes, rounds: 16)
            return { call in _ = try call.made(kernels.run(program, on: [a])) }
        }
        try measure(.booleanProgram, &profile) { program($0, elements: $1) }
        try measureDepth(.booleanProgram, &profile) { program($0, elements: 4096) }
    }

    private static func chain(planes: Int, rounds: Int) -> BitProgram {
        var program = BitProgram.Builder()
        let bits = program.input(planes: planes)
        var (carry, last) = (bits[0], bits[1])
        for round in 0..<rounds {
            for index in 0..<planes {
                let other = bits[(index + round + 1) % planes]
                let sum = program.xor(bits[index], carry)
                let product = program.and(sum, other)
                (carry, last) = (program.xor(product, last), sum)
            }
        }
        return program.program([carry, last])
    }

    private func measureSums(_ profile: inout DeviceProfile) throws {
        try measure(.sum, &profile) { kernels, words in
            let a = operand(kernels, [64, words / 64], 1)
            return { call in _ = try call.made(kernels.sum(a, axes: [0])) }
        }
        try measureDepth(.sum, &profile) { kernels in
            let a = operand(kernels, [Self.deepSteps / 4, 4096], 1)
            return { call in _ = try call.made(kernels.sum(a, axes: [0])) }
        }
    }

    private func measureWords(_ profile: inout DeviceProfile) throws {
        try measure(.planeProduct, &profile) { kernels, words in
            let channels = max(1, words / (16 * 1024))
            let (a, b) = (operand(kernels, [1, channels, 32, 32], 1), operand(kernels, [channels, 1, 3, 3], 2))
            let geometry = ConvolutionGeometry(strides: [1, 1], padding: [1, 1, 1, 1], groups: channels)
            return { call in
                var sum = RingTensor(zeros: [1, channels, 32, 32])
                kernels.accumulate(&sum, .convolution(geometry), a, b, subtracting: false)
                _ = try call.made(sum)
            }
        }
        try measure(.ringProduct, &profile) { kernels, words in
            // 256 for the fewest words, twice as much where they are eight times as many.
            let extent = 256 << ((words / Self.leastWords).trailingZeroBitCount / 3)
            return product(kernels, extent, extent, extent)
        }
        try measureDepth(.ringProduct, &profile) { product($0, 64, Self.deepSteps, 64) }
    }

    private func product(
        _ kernels: DeviceKernels,
        _ rows: Int,
        _ inner: Int,
        _ columns: Int
    ) -> (DeviceCall) throws -> Void {
        let (a, b) = (operand(kernels, [rows, inner], 1), operand(kernels, [inner, columns], 2))
        return { call in
            var sum = RingTensor(zeros: [rows, columns])
            let product = BilinearOperation.matmul(transposeLeft: false, transposeRight: false)
            kernels.accumulate(&sum, product, a, b, subtracting: false)
            _ = try call.made(sum)
        }
    }

    private func measureResidues(_ profile: inout DeviceProfile) throws {
        func matrix(_ words: Int) -> ResidueMatrix {
            ResidueMatrix(rows: words / 512, split: words / 512, outerStep: 0, rowStep: 512, inner: 512, innerStep: 1)
        }
        try measure(.residues, &profile) { kernels, words in
            let (a, matrix) = (operand(kernels, [words], 1), matrix(words / 4))
            return { call in try call.makeResidues(matrix, of: call.place(of: a), to: call.room(Int(matrix.bytes) / 8))
            }
        }
        try measure(.reconstruct, &profile) { kernels, words in
            let (rows, columns) = (words / 4 / 512, 512)
            let residues = operand(kernels, [Residues.count * rows * columns / 8], 1)
            return { call in
                let arguments = ReconstructArguments(
                    to: try call.room(rows * columns),
                    from: try call.place(of: residues),
                    batchStep: 0,
                    rowStep: UInt64(columns),
                    imageStep: 0,
                    batches: 1,
                    rows: UInt32(rows),
                    columns: UInt32(columns),
                    padded: UInt32(columns),
                    firstPixel: 0,
                    outPlane: UInt32(columns),
                    subtract: 0
                )
                try call.forEach(rows * columns, "reconstruct", arguments)
            }
        }
        try measure(.residueProduct, &profile, residues: .always) { kernels, words in
            let extent = 256 << ((words / Self.leastWords).trailingZeroBitCount / 3)
            return product(kernels, extent, extent, extent)
        }
        try measureDepth(.residueProduct, &profile, residues: .always) { product($0, 128, Self.deepSteps, 128) }
    }

    // MARK: How it is measured

    /// What makes operands, and then what is called again and again.
    private typealias Preparation = (_ kernels: DeviceKernels, _ words: Int) throws -> (DeviceCall) throws -> Void

    private static let leastWords = 1 << 17

    /// Measures what a kernel does in a second.
    private func measure(
        _ name: KernelName,
        _ profile: inout DeviceProfile,
        residues: ResidueUse = .never,
        _ prepare: Preparation
    ) throws {
        let known = profile
        let rate = try rate("kernel \(name.rawValue), \(name.unit)", "G/s", estimate: nil) {
            let (words, seconds) = try growing(from: Self.leastWords, to: 1 << 26, moment: moment) { words in
                try self.seconds(of: words, residues, prepare)
            }
            let counts = try counts(of: words, residues, prepare)
            let own = try seconds - Self.others(than: name, counts, known)
            let amount = Double(counts.kernels[name]?.work.amount ?? 0)
            return amount / max(own, seconds / 10)
        }
        if let rate { profile.kernels[name.rawValue] = DeviceProfile.Kernel(perSecond: rate) }
    }

    /// Measures how long a kernel takes for one of many steps.
    private func measureDepth(
        _ name: KernelName,
        _ profile: inout DeviceProfile,
        residues: ResidueUse = .never,
        _ prepare: (DeviceKernels) throws -> (DeviceCall) throws -> Void
    ) throws {
        guard profile.kernels[name.rawValue] != nil else { return }
        let known = profile
        let each = try time("kernel \(name.rawValue), one step of a group", estimate: nil) {
            let seconds = try self.seconds(of: 0, residues) { kernels, _ in try prepare(kernels) }
            let counts = try counts(of: 0, residues) { kernels, _ in try prepare(kernels) }
            let own = try seconds - Self.others(than: name, counts, known)
            return max(own, seconds / 10) / Double(max(1, counts.kernels[name]?.work.depth ?? 1))
        }
        profile.kernels[name.rawValue]?.secondsEach = each
    }

    /// Measures a call of so many words, of which a table says nothing but the time.
    private func call(
        _ name: String,
        _ profile: DeviceProfile,
        _ prepare: Preparation
    ) throws -> (words: Int, seconds: Double)? {
        var measured: (words: Int, seconds: Double)?
        _ = try rate(name, "G/s", estimate: nil) {
            let (words, seconds) = try growing(from: Self.leastWords, to: 1 << 26, moment: moment) { words in
                try self.seconds(of: words, .never, prepare)
            }
            measured = (words, seconds)
            return Double(words) / seconds
        }
        return measured
    }

    private func seconds(of words: Int, _ residues: ResidueUse, _ prepare: Preparation) throws -> Double {
        let kernels = kernels(queue, residues)
        let body = try prepare(kernels, words)
        func run() throws {
            let call = DeviceCall(kernels)
            defer { call.end() }
            try body(call)
        }
        // Drivers compile a kernel when it's called first, which may take longer than all that follows.
        try run()
        try queue.finish()
        let seconds = try watch.seconds(of: run)
        try kernels.check()
        return seconds
    }

    /// What the same call asks a device for.
    private func counts(of words: Int, _ residues: ResidueUse, _ prepare: Preparation) throws -> DeviceCounts {
        let counting = CountingQueue(name: queue.name)
        let kernels = kernels(counting, residues)
        let body = try prepare(kernels, words)
        // The first call makes operands.
        for _ in 0..<2 {
            counting.restart()
            let call = DeviceCall(kernels)
            defer { call.end() }
            try body(call)
        }
        return counting.counts
    }

    private func kernels(_ queue: any DeviceQueue, _ residues: ResidueUse) -> DeviceKernels {
        var settings = DeviceKernels.Settings.everything
        settings.residues = residues
        return DeviceKernels(queue: queue, settings: settings)
    }

    /// What the other kernels of a call take, as far as they are known.
    private static func others(
        than name: KernelName,
        _ counts: DeviceCounts,
        _ profile: DeviceProfile
    ) throws -> Double {
        try counts.kernels.reduce(0) { sum, entry in
            guard entry.key != name, profile.kernels[entry.key.rawValue] != nil else { return sum }
            var work = entry.value.work
            work.depth /= entry.value.launches
            return sum
                + max(try profile.seconds(of: entry.key, work), Double(entry.value.launches) * profile.launchSeconds)
        }
    }
}

extension DeviceCall {
    /// Where words lie that are promised: they are made.
    fileprivate func made(_ words: some StoredWords) throws -> DeviceAddress {
        try place(of: words)
    }
}

extension PatchesArguments {
    /// Of windows of 3 × 3 that are seen by each pixel of a square.
    fileprivate init(square extent: Int, channels: Int, from: DeviceAddress, to: DeviceAddress) {
        let side = UInt32(extent)
        self.init(
            to: to,
            from: from,
            channelStep: UInt64(extent * extent),
            rowStep: UInt64(extent),
            columnStep: 1,
            count: UInt64(extent * extent * channels * 9),
            channels: UInt32(channels),
            height: side,
            width: side,
            kernelHeight: 3,
            kernelWidth: 3,
            outHeight: side,
            outWidth: side,
            strideY: 1,
            strideX: 1,
            paddingY: 1,
            paddingX: 1,
            dilationY: 1,
            dilationX: 1
        )
    }
}
