internal import CCrypTenKernels

/// What the kernels reach on this machine, each figure beside its baseline, measured in the same run.
///
/// A figure is the median of several repetitions, each of which calls until at least a tenth of a second has passed;
/// figure and baseline take turns, so that both see the same clock and the same neighbours.
package struct KernelBenchmark: Sendable {
    /// One line of the table.
    package struct Row: Codable, Sendable {
        package var name: String
        package var figure: Double
        /// "GMAC/s" for multiply-accumulates, "GB/s" for bytes made or read, each 10^9 a second.
        package var unit: String
        package var baseline: String
        package var baselineFigure: Double
        /// How many times the baseline the figure is.
        package var ratio: Double { figure / baselineFigure }

        private enum CodingKeys: String, CodingKey {
            case name, figure, unit, baseline, baselineFigure, ratio
        }

        package init(name: String, figure: Double, unit: String, baseline: String, baselineFigure: Double) {
            self.name = name
            self.figure = figure
            self.unit = unit
            self.baseline = baseline
            self.baselineFigure = baselineFigure
        }

        package init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            name = try values.decode(String.self, forKey: .name)
            figure = try values.decode(Double.self, forKey: .figure)
            unit = try values.decode(String.self, forKey: .unit)
            baseline = try values.decode(String.self, forKey: .baseline)
            baselineFigure = try values.decode(Double.self, forKey: .baselineFigure)
        }

        package func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(name, forKey: .name)
            try values.encode(figure, forKey: .figure)
            try values.encode(unit, forKey: .unit)
            try values.encode(baseline, forKey: .baseline)
            try values.encode(baselineFigure, forKey: .baselineFigure)
            try values.encode(ratio, forKey: .ratio)
        }
    }

    /// Repetitions of each measurement.
    package var repetitions: Int
    /// How long a repetition takes at least.
    package var duration: Duration

    package init(repetitions: Int = 5, duration: Duration = .milliseconds(100)) {
        self.repetitions = repetitions
        self.duration = duration
    }

    /// All rows, best instruction set first; the first one is memory's.
    package func run() -> [Row] {
        let short = KernelBenchmark(repetitions: repetitions, duration: duration / 4)
        return [memory()] + products() + convolutions() + expansions() + short.families()
    }

    /// The product of two square matrices, against three nested loops compiled for AVX2 and against one thread.
    package func products(extent: Int = 512) -> [Row] {
        let matmul = BilinearOperation.matmul(transposeLeft: false, transposeRight: false)
        let (a, b) = (RingTensor.benchmark([extent, extent], 1), RingTensor.benchmark([extent, extent], 2))
        let macs = Double(matmul.multiplyAccumulates(a.shape, b.shape))
        func product(_ kernels: any Kernels) -> () -> Void {
            var sum = RingTensor(zeros: a.shape)
            return { kernels.accumulate(&sum, matmul, a, b, subtracting: false) }
        }
        var loops = RingTensor(zeros: a.shape)
        let naive = {
            a.withWords { a in
                b.withWords { b in loops.withMutableWords { cct_baseline_matrix_accumulate($0, a, b, extent) } }
            }
        }
        var rows = NativeKernels.available.map { set in
            row(
                "ring product \(extent)³, \(set.rawValue), 1 thread",
                "GMAC/s",
                macs,
                product(NativeKernels(threads: 1, instructionSet: set)),
                against: "i-k-j loops, AVX2",
                naive
            )
        }
        rows.append(
            row(
                "ring product \(extent)³, \(NativeKernels.available[0].rawValue), 2 threads",
                "GMAC/s",
                macs,
                product(NativeKernels(threads: 2)),
                against: "1 thread",
                product(NativeKernels(threads: 1))
            )
        )
        return rows
    }

    /// ResNet-18's convolutions of three by three, against a matrix product of 512³ on the same thread.
    package func convolutions() -> [Row] {
        let kernels = NativeKernels(threads: 1)
        let convolution = BilinearOperation.convolution(ConvolutionGeometry(padding: [1, 1, 1, 1]))
        let matmul = BilinearOperation.matmul(transposeLeft: false, transposeRight: false)
        let (a, b) = (RingTensor.benchmark([512, 512], 3), RingTensor.benchmark([512, 512], 4))
        var sum = RingTensor(zeros: a.shape)
        return [(64, 56), (128, 28), (256, 14), (512, 7)].map { channels, extent in
            let image = RingTensor.benchmark([1, channels, extent, extent], 5)
            let kernel = RingTensor.benchmark([channels, channels, 3, 3], 6)
            var out = RingTensor(zeros: image.shape)
            return row(
                "convolution 3 × 3, \(channels) channels of \(extent)², \(kernels.name), 1 thread",
                "GMAC/s",
                Double(convolution.multiplyAccumulates(image.shape, kernel.shape)),
                { kernels.accumulate(&out, convolution, image, kernel, subtracting: false) },
                against: "ring product 512³",
                Double(matmul.multiplyAccumulates(a.shape, b.shape)),
                { kernels.accumulate(&sum, matmul, a, b, subtracting: false) }
            )
        }
    }

    /// The generator with every cipher that the machine has, 1 MB at a time: VAES against AES-NI, the others against the circuit of
    /// bits.
    package func expansions() -> [Row] {
        let words = 131_072
        let key = ExpansionKey(low: 0x0706_0504_0302_0100, high: 0x0F0E_0D0C_0B0A_0908)
        func expansion(_ cipher: NativeKernels.Cipher) -> () -> Void {
            let kernels = NativeKernels(threads: 1, instructionSet: NativeKernels.available[0], cipher: cipher)
            var sum = RingTensor(zeros: [words])
            return { kernels.accumulateExpansion(&sum, key, number: 0, from: 0, subtracting: false) }
        }
        return NativeKernels.Cipher.available.map { cipher in
            let baseline: NativeKernels.Cipher = cipher == .vaes || cipher == .vaes256 ? .aesni : .bitsliced
            return row(
                "expansion, \(cipher.rawValue), 1 thread",
                "GB/s",
                Double(8 * words),
                expansion(cipher),
                against: baseline.rawValue,
                expansion(baseline)
            )
        }
    }
}

// MARK: Measuring

extension KernelBenchmark {
    /// A row whose figure and baseline do the same amount.
    func row(
        _ name: String,
        _ unit: String,
        _ amount: Double,
        _ body: () -> Void,
        against baseline: String,
        _ baselineBody: () -> Void
    ) -> Row {
        row(name, unit, amount, body, against: baseline, amount, baselineBody)
    }

    func row(
        _ name: String,
        _ unit: String,
        _ amount: Double,
        _ body: () -> Void,
        against baseline: String,
        _ baselineAmount: Double,
        _ baselineBody: () -> Void
    ) -> Row {
        body()
        baselineBody()
        var figures: [Double] = []
        var baselineFigures: [Double] = []
        for _ in 0..<repetitions {
            figures.append(amount / secondsPerCall(body) / 1e9)
            baselineFigures.append(baselineAmount / secondsPerCall(baselineBody) / 1e9)
        }
        return Row(
            name: name,
            figure: figures.sorted()[repetitions / 2],
            unit: unit,
            baseline: baseline,
            baselineFigure: baselineFigures.sorted()[repetitions / 2]
        )
    }

    private func secondsPerCall(_ body: () -> Void) -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        var calls = 0
        var elapsed = Duration.zero
        repeat {
            body()
            calls += 1
            elapsed = start.duration(to: clock.now)
        } while elapsed < duration
        return (Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18) / Double(calls)
    }
}

extension RingTensor {
    /// Words that look random.
    static func benchmark(_ shape: Shape, _ number: UInt64) -> RingTensor {
        let key = ExpansionKey(low: 0x5EED, high: 0)
        return NativeKernels(threads: 1).expand(key, number: number, from: 0, shape: shape)
    }
}
