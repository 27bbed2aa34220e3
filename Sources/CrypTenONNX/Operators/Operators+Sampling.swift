internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Images read at the public coordinates of a grid.
    static let sampling: [String: OperatorEntry] = [
        "GridSample": OperatorEntry([16, 20, 22], known: [1], sampleGrid),
        "AffineGrid": OperatorEntry([20], known: [1], makeGrid),
    ]

    // MARK: Grids

    private static func sampleGrid(_ operation: Operation) throws -> [Value] {
        let x = try operation.real(0)
        guard let grid = try operation.known(1) else { throw operation.malformed("its grid is missing") }
        let axes = x.shape.rank - 2
        guard (1...3).contains(axes), grid.shape.rank == x.shape.rank, grid.shape[0] == x.shape[0],
            grid.shape[-1] == axes
        else {
            throw operation.mismatch("a grid of shape \(grid.shape) doesn't fit shape \(x.shape)")
        }
        let given = try operation.string("mode", default: "linear")
        let mode = ["bilinear": "linear", "bicubic": "cubic"][given] ?? given
        let padding = try operation.string("padding_mode", default: "zeros")
        guard ["nearest", "linear", "cubic"].contains(mode), ["zeros", "border", "reflection"].contains(padding) else {
            throw operation.malformed("mode '\(given)' or padding_mode '\(padding)' isn't known")
        }
        let aligned = try operation.flag("align_corners", default: false)
        let extents = Array(x.shape.dimensions.dropFirst(2))
        let outputs = Array(grid.shape.dimensions.dropFirst().dropLast())
        let (samples, perSample) = (x.shape[0], outputs.reduce(1, *))
        let tapsPerAxis = mode == "nearest" ? 1 : mode == "linear" ? 2 : 4
        let taps = (0..<axes).reduce(1) { product, _ in product * tapsPerAxis }
        try ImportBudget.spend(samples * perSample * taps, for: "\(taps) taps of \(samples * perSample) points")
        let numbers = grid.doubles
        guard numbers.allSatisfy({ $0.magnitude < 0x1p20 }) else {
            throw operation.unsupported("its grid isn't finite")
        }
        let sampler = Sampler(extents: extents, samples: samples, taps: taps)
        var points: [[(Int, Double)]] = []
        points.reserveCapacity(samples * perSample)
        for sample in 0..<samples {
            for point in 0..<perSample {
                var perAxis: [[(position: Int, weight: Double)]] = []
                for axis in 0..<axes {
                    // Coordinates are listed from the last axis on.
                    let coordinate = numbers[((sample * perSample) + point) * axes + (axes - 1 - axis)]
                    let extent = extents[axis]
                    var place =
                        aligned
                        ? (coordinate + 1) / 2 * Double(extent - 1) : ((coordinate + 1) * Double(extent) - 1) / 2
                    let (low, high) = aligned ? (0, Double(extent - 1)) : (-0.5, Double(extent) - 0.5)
                    if mode == "nearest" { place = place.rounded(.toNearestOrEven) }
                    if place < low || place > high, mode != "cubic" {
                        if padding == "border" { place = min(max(place, 0), Double(extent - 1)) }
                        if padding == "reflection" { place = reflected(place, low, high) }
                    }
                    perAxis.append(
                        Sampler.axisTaps(place, mode).map { tap in
                            (padded(tap.position, extent, padding, low, high), tap.weight)
                        }
                    )
                }
                points.append(sampler.taps(perAxis, sample: sample))
            }
        }
        let result = try sampler.apply(points, to: try x.expression(), outputs: [samples] + outputs)
        return [Value(x.type, try checked(result))]
    }

    /// A position inside, or −1 for a zero.
    private static func padded(_ position: Int, _ extent: Int, _ padding: String, _ low: Double, _ high: Double) -> Int
    {
        if (0..<extent).contains(position) { return position }
        switch padding {
        case "border": return min(max(position, 0), extent - 1)
        case "reflection": return min(max(Int(reflected(Double(position), low, high)), 0), extent - 1)
        default: return -1
        }
    }

    /// A place mirrored at two bounds until it lies between them.
    private static func reflected(_ place: Double, _ low: Double, _ high: Double) -> Double {
        let range = high - low
        if range <= 0 { return low }
        let distance = place < low ? low - place : place - low
        let turns = (distance / range).rounded(.down)
        let rest = distance - turns * range
        // From the lower bound even turns go up, and odd ones come back.
        return turns.truncatingRemainder(dividingBy: 2) == 0 ? low + rest : high - rest
    }

    /// Coordinates of a grid under affine maps, which may be secret: a public grid times each map.
    private static func makeGrid(_ operation: Operation) throws -> [Value] {
        let theta = try operation.real(0)
        guard let size = try operation.knownIntegers(1), (4...5).contains(size.count), theta.shape.rank == 3 else {
            throw operation.malformed("it takes maps [N, 2, 3] or [N, 3, 4], and a size")
        }
        let extents = Array(size.dropFirst(2))
        let axes = extents.count
        guard theta.shape.dimensions == [size[0], axes, axes + 1], extents.allSatisfy({ (1...1 << 20).contains($0) })
        else {
            throw operation.mismatch("maps of shape \(theta.shape) don't fit size \(size)")
        }
        let aligned = try operation.flag("align_corners", default: false)
        func coordinates(_ extent: Int) -> [Double] {
            (0..<extent).map { i in
                aligned
                    ? (extent == 1 ? 0 : -1 + 2 * Double(i) / Double(extent - 1))
                    : (2 * Double(i) + 1) / Double(extent) - 1
            }
        }
        let count = try Shape(checking: extents).count
        try ImportBudget.spend(count * (axes + 1), for: "a grid of \(count) points")
        let perAxis = extents.map(coordinates)
        var base: [Double] = []
        for point in 0..<count {
            var (rest, position) = (point, [Double]())
            for axis in (0..<axes).reversed() {
                position.append(perAxis[axis][rest % extents[axis]])
                rest /= extents[axis]
            }
            base += position + [1]
        }
        let grid = CrypTensor(constant: Tensor(base, shape: [count, axes + 1]))
        return [
            try Value.computed([theta], theta.type) {
                grid.matmul($0[0].transposed(1, 2)).reshape([size[0]] + extents + [axes])
            }
        ]
    }
}
