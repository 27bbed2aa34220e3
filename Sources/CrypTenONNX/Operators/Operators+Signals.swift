internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Fourier transforms, which are products with public matrices, and the windows and filters that go with them.
    static let signals: [String: OperatorEntry] = [
        "DFT": OperatorEntry([17, 20], known: [1, 2], transform),
        "STFT": OperatorEntry([17], known: [1, 3], transformFrames),
        "HannWindow": OperatorEntry([17], known: [0]) { try window($0, [0.5, 0.5]) },
        "HammingWindow": OperatorEntry([17], known: [0]) { try window($0, [25.0 / 46, 21.0 / 46]) },
        "BlackmanWindow": OperatorEntry([17], known: [0]) { try window($0, [0.42, 0.5, 0.08]) },
        "MelWeightMatrix": OperatorEntry([17], known: [0, 1, 2, 3, 4], melWeights),
    ]

    // MARK: Transforms

    /// A transform of numbers `[…, n, 1 or 2]`, real or complex, along an axis before the last.
    private static func transform(_ operation: Operation) throws -> [Value] {
        let x = try operation.real(0)
        let rank = x.shape.rank
        let given =
            operation.version < 20
            ? try operation.int("axis", default: 1) : try operation.knownWhole(2) ?? -2
        let axis = try operation.axis(given, rank: rank)
        guard rank >= 2, axis < rank - 1, [1, 2].contains(x.shape[-1]), x.shape[axis] > 0 else {
            throw operation.mismatch(
                "axis \(given) of shape \(x.shape) can't be transformed: the last is of 1 or 2 parts"
            )
        }
        let isInverse = try operation.flag("inverse", default: false)
        let isOneSided = try operation.flag("onesided", default: false)
        let isHalf = isInverse && isOneSided
        let standard = isHalf ? 2 * (x.shape[axis] - 1) : x.shape[axis]
        let length = try operation.knownWhole(1) ?? standard
        guard (1...1 << 16).contains(length) else { throw operation.malformed("its length \(length) makes no sense") }
        let read = isHalf ? length / 2 + 1 : length
        let plan = try FourierPlan(length: length, read: read, isInverse: isInverse, isOneSided: isOneSided)
        let order = (0..<rank - 1).filter { $0 != axis } + [axis, rank - 1]
        let back = (0..<rank).compactMap { order.firstIndex(of: $0) }
        return [
            try Value.computed([x], x.type) { operands in
                var part = operands[0].permuted(order)
                let extent = part.shape[-2]
                if extent > read { part = part.narrow(axis: rank - 2, start: 0, length: read) }
                if extent < read {
                    var after = [Int](repeating: 0, count: rank)
                    after[rank - 2] = read - extent
                    part = part.pad(before: after.map { _ in 0 }, after: after)
                }
                return plan.applied(to: part).permuted(back)
            }
        ]
    }

    /// Transforms of overlapping frames of a signal `[N, L, 1]`.
    private static func transformFrames(_ operation: Operation) throws -> [Value] {
        let signal = try operation.real(0)
        let window = operation.optional(2)
        let given = try operation.knownScalar(3).flatMap { Int(exactly: $0) }
        guard let step = try operation.knownScalar(1).flatMap({ Int(exactly: $0) }), step > 0,
            let length = given ?? window.map({ $0.shape.count }), (1...1 << 16).contains(length),
            signal.shape.rank == 3, [1, 2].contains(signal.shape[2]), signal.shape[1] >= length,
            window.map({ $0.shape == [length] }) ?? true
        else { throw operation.malformed("its frames don't fit a signal of shape \(signal.shape)") }
        let frames = (signal.shape[1] - length) / step + 1
        try ImportBudget.spend(frames * length, for: "\(frames) frames of \(length) numbers")
        let isOneSided = try operation.flag("onesided", default: true)
        let plan = try FourierPlan(length: length, read: length, isInverse: false, isOneSided: isOneSided)
        let places = (0..<frames).flatMap { frame in (0..<length).map { frame * step + $0 } }
        var x = try signal.expression().take(places, axis: 1)
            .reshape([signal.shape[0], frames, length, signal.shape[2]])
        if let window { x = x * (try window.expression().reshape([length, 1])) }
        return [Value(signal.type, try checked(plan.applied(to: x)))]
    }

    // MARK: Windows and filters

    /// `Σ (−1)^k c_k cos(2πk n / N)`
    private static func window(_ operation: Operation, _ coefficients: [Double]) throws -> [Value] {
        guard let size = try operation.knownScalar(0).flatMap({ Int(exactly: $0) }), (0...1 << 22).contains(size) else {
            throw operation.malformed("its size must be a whole number from 0 on")
        }
        let type = try elementType(try operation.int("output_datatype", default: 1), of: operation)
        let period = try operation.flag("periodic", default: true) ? size : max(size - 1, 1)
        try ImportBudget.spend(size, work: size * 32, for: "a window of \(size) numbers")
        let numbers = (0..<size).map { n in
            coefficients.enumerated().reduce(0.0) { sum, term in
                let wave = PortableFunctions.cosine(term.offset * n % period, of: period)
                return sum + (term.offset % 2 == 0 ? term.element : -term.element) * wave
            }
        }
        guard type.kind == .real else {
            return [Value(type, known: Tensor(numbers.map { Int64($0.rounded(.towardZero)) }, shape: [size]))]
        }
        return [Value(type, known: Tensor(numbers, shape: [size]))]
    }

    /// Triangular filters of bands that are equally wide on the mel scale.
    private static func melWeights(_ operation: Operation) throws -> [Value] {
        let numbers = try (0..<5).map { try operation.knownScalar($0) ?? .nan }
        guard let bands = Int(exactly: numbers[0]), let length = Int(exactly: numbers[1]),
            (0...1 << 16).contains(bands),
            (2...1 << 22).contains(length), numbers[2...].allSatisfy(\.isFinite), numbers[2] > 0
        else { throw operation.malformed("its five numbers \(numbers) make no sense") }
        let bins = length / 2 + 1
        let (rate, low, high) = (numbers[2], numbers[3], numbers[4])
        try ImportBudget.spend(bins * bands, work: bins * bands + bands << 6, for: "\(bands) filters of \(bins) bins")
        func mel(_ hertz: Double) -> Double {
            2595 * PortableFunctions.log(1 + hertz / 700) / PortableFunctions.log(10)
        }
        func hertz(_ mel: Double) -> Double {
            700 * (PortableFunctions.exp(mel / 2595 * PortableFunctions.log(10)) - 1)
        }
        let width = (mel(high) - mel(low)) / Double(bands + 2)
        let edges = try (0..<bands + 2).map { edge in
            let bin = (Double(length + 1) * hertz(Double(edge) * width + mel(low)) / rate).rounded(.down)
            guard bin.magnitude <= 0x1p24 else {
                throw operation.malformed("its edges \(low) and \(high) make no sense")
            }
            return Int(bin)
        }
        var weights = [Double](repeating: 0, count: bins * bands)
        for band in 0..<bands {
            let (first, middle, last) = (edges[band], edges[band + 1], edges[band + 2])
            func set(_ bin: Int, _ weight: Double) {
                if (0..<bins).contains(bin) { weights[bin * bands + band] = weight }
            }
            if middle == first {
                set(middle, 1)
            } else {
                for bin in max(first, 0)..<max(min(middle + 1, bins), max(first, 0)) {
                    set(bin, Double(bin - first) / Double(middle - first))
                }
            }
            if last > middle {
                for bin in max(middle, 0)..<max(min(last, bins), max(middle, 0)) {
                    set(bin, Double(last - bin) / Double(last - middle))
                }
            }
        }
        let type = try elementType(try operation.int("output_datatype", default: 1), of: operation)
        guard type.kind == .real else { throw operation.unsupported("it makes \(type.rawValue) weights") }
        return [Value(type, known: Tensor(weights, shape: [bins, bands]))]
    }
}

/// A discrete Fourier transform of the last axis but one, as products with matrices of cosines and sines.
private struct FourierPlan {
    private let cosines: CrypTensor
    private let sines: CrypTensor
    /// Whether the result is real: an inverse transform of half a spectrum.
    private let isReal: Bool

    /// - Parameters:
    ///   - length: The period of the transform.
    ///   - read: How many numbers it reads.
    init(length: Int, read: Int, isInverse: Bool, isOneSided: Bool) throws {
        isReal = isInverse && isOneSided
        let outputs = isOneSided && !isInverse ? length / 2 + 1 : length
        try ImportBudget.spend(outputs * read, work: outputs * read * 16, for: "a transform of \(read) numbers")
        var (c, s): ([Double], [Double]) = ([], [])
        for k in 0..<read {
            // Of half a spectrum the other half has the conjugates.
            let twice = isReal && k != 0 && 2 * k != length ? 2.0 : 1
            let factor = isInverse ? twice / Double(length) : 1
            for n in 0..<outputs {
                c.append(factor * PortableFunctions.cosine(k * n % length, of: length))
                s.append((isInverse ? -factor : factor) * PortableFunctions.sine(k * n % length, of: length))
            }
        }
        cosines = CrypTensor(constant: Tensor(c, shape: [read, outputs]))
        sines = CrypTensor(constant: Tensor(s, shape: [read, outputs]))
    }

    /// `Σ (re + i·im)(cos − i·sin)` of `[…, n, 1 or 2]`.
    func applied(to x: CrypTensor) -> CrypTensor {
        let parts = x.transposed(-2, -1)
        let real = parts.narrow(axis: -2, start: 0, length: 1)
        guard x.shape[-1] == 2 else {
            return concatenate([real.matmul(cosines), -real.matmul(sines)], axis: -2).transposed(-2, -1)
        }
        let imaginary = parts.narrow(axis: -2, start: 1, length: 1)
        let sum = real.matmul(cosines) + imaginary.matmul(sines)
        if isReal { return sum.transposed(-2, -1) }
        return concatenate([sum, imaginary.matmul(cosines) - real.matmul(sines)], axis: -2).transposed(-2, -1)
    }
}
