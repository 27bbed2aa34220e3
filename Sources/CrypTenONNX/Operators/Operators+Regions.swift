internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Regions of images, and windows whose elements are moved, by public coordinates.
    static let regions: [String: OperatorEntry] = [
        "RoiAlign": OperatorEntry([10, 16, 22], known: [1, 2], alignRegions),
        "DeformConv": OperatorEntry([19, 22], known: [2], convolveDeformed),
    ]

    // MARK: Regions

    /// Means, or largest elements, of points in a grid of each region.
    private static func alignRegions(_ operation: Operation) throws -> [Value] {
        let x = try operation.real(0)
        guard let regions = try operation.known(1), let batches = try operation.knownIntegers(2), x.shape.rank == 4,
            regions.shape.dimensions == [batches.count, 4], batches.allSatisfy({ (0..<x.shape[0]).contains($0) })
        else { throw operation.malformed("it takes [N, C, H, W], regions [R, 4] and R images") }
        let (high, wide) = (
            try operation.int("output_height", default: 1), try operation.int("output_width", default: 1)
        )
        let ratio = try operation.int("sampling_ratio", default: 0)
        let scale = try operation.float("spatial_scale", default: 1)
        let standard = operation.version >= 16 ? "half_pixel" : "output_half_pixel"
        let isHalf = try operation.string("coordinate_transformation_mode", default: standard) == "half_pixel"
        let isMax = try operation.string("mode", default: "avg") == "max"
        guard (1...1 << 12).contains(high), (1...1 << 12).contains(wide), (0...64).contains(ratio) else {
            throw operation.malformed("its output \(high) × \(wide) or sampling_ratio \(ratio) makes no sense")
        }
        let (rows, columns) = (x.shape[2], x.shape[3])
        let numbers = regions.doubles.map { $0 * scale - (isHalf ? 0.5 : 0) }
        var (points, counts): ([[(Int, Double)]], [Int]) = ([], [])
        var largest = 1
        for (region, batch) in batches.enumerated() {
            let (x1, y1, x2, y2) = (
                numbers[4 * region], numbers[4 * region + 1], numbers[4 * region + 2], numbers[4 * region + 3]
            )
            guard [x1, y1, x2, y2].allSatisfy({ $0.magnitude < 0x1p20 }) else {
                throw operation.unsupported("a region isn't finite")
            }
            let (width, height) = isHalf ? (x2 - x1, y2 - y1) : (max(x2 - x1, 1), max(y2 - y1, 1))
            let (binHigh, binWide) = (height / Double(high), width / Double(wide))
            let down = ratio > 0 ? ratio : max(1, Int(binHigh.rounded(.up)))
            let across = ratio > 0 ? ratio : max(1, Int(binWide.rounded(.up)))
            guard down <= 1 << 10, across <= 1 << 10 else {
                throw operation.unsupported("a region has too many points")
            }
            try ImportBudget.spend(high * wide * down * across * 4, for: "points of a region")
            largest = max(largest, down * across)
            for row in 0..<high {
                for column in 0..<wide {
                    for i in 0..<down * across {
                        let y = y1 + Double(row) * binHigh + (Double(i / across) + 0.5) * binHigh / Double(down)
                        let at = x1 + Double(column) * binWide + (Double(i % across) + 0.5) * binWide / Double(across)
                        points.append(corner(y, at, rows, columns, batch))
                    }
                    counts.append(down * across)
                }
            }
        }
        let sampler = Sampler(extents: [rows, columns], samples: x.shape[0], taps: 4)
        let table = sampler.table(of: try x.expression())
        let bins = counts.count
        // Bins of fewer points repeat theirs, with weight 0 in a mean.
        var (starts, next) = ([Int](), 0)
        for count in counts {
            starts.append(next)
            next += count
        }
        var result: CrypTensor?
        for number in 0..<largest {
            let chosen = (0..<bins).map { starts[$0] + min(number, counts[$0] - 1) }
            for tap in isMax ? Array(0..<4) : [-1] {
                let taps = chosen.enumerated().map { bin, point -> [(Int, Double)] in
                    let all = points[point]
                    if isMax { return tap < all.count ? [all[tap]] : [(-1, 0)] }
                    return number < counts[bin] ? all.map { ($0.0, $0.1 / Double(counts[bin])) } : []
                }
                let part = sampler.rows(taps, of: table)
                result = result.map { isMax ? $0.maximum(part) : $0 + part } ?? part
            }
        }
        let channels = x.shape[1]
        let sum = result ?? CrypTensor(0.0).broadcast(to: [bins, channels])
        return [
            Value(
                x.type,
                try checked(
                    sum.reshape([batches.count, high * wide, channels]).transposed(1, 2).reshape([
                        batches.count, channels, high, wide,
                    ])
                )
            )
        ]
    }

    /// The four elements around a point, with weights; none beyond the image.
    private static func corner(_ y: Double, _ x: Double, _ rows: Int, _ columns: Int, _ batch: Int) -> [(Int, Double)] {
        if y < -1 || y > Double(rows) || x < -1 || x > Double(columns) { return [] }
        func around(_ place: Double, _ extent: Int) -> (Int, Int, Double) {
            let held = max(place, 0)
            let base = Int(held)
            if base >= extent - 1 { return (extent - 1, extent - 1, 0) }
            return (base, base + 1, held - Double(base))
        }
        let ((top, bottom, down), (left, right, across)) = (around(y, rows), around(x, columns))
        let start = batch * rows * columns
        return [
            (start + top * columns + left, (1 - down) * (1 - across)),
            (start + top * columns + right, (1 - down) * across),
            (start + bottom * columns + left, down * (1 - across)), (start + bottom * columns + right, down * across),
        ]
    }

    // MARK: Deformed windows

    /// A convolution whose windows' elements are moved by public offsets.
    private static func convolveDeformed(_ operation: Operation) throws -> [Value] {
        let (x, weight) = (try operation.real(0), try operation.real(1))
        guard let offsets = try operation.known(2), x.shape.rank == 4, weight.shape.rank == 4 else {
            throw operation.unsupported("its input has shape \(x.shape); [N, C, H, W] is computed here")
        }
        let windows = try WindowAttributes(
            operation,
            shape: x.shape,
            kernel: Array(weight.shape.dimensions.dropFirst(2))
        )
        let groups = try operation.int("group", default: 1)
        let offsetGroups = try operation.int("offset_group", default: 1)
        let (samples, channels, rows, columns) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
        let taps = windows.kernel[0] * windows.kernel[1]
        let outputs = (0..<2).map { axis in
            (x.shape[axis + 2] + windows.before[axis] + windows.after[axis] - windows.dilations[axis]
                * (windows.kernel[axis] - 1) - 1)
                / windows.strides[axis] + 1
        }
        guard groups >= 1, offsetGroups >= 1, channels % groups == 0, channels % offsetGroups == 0,
            weight.shape[0] % groups == 0, weight.shape[1] == channels / groups, outputs.allSatisfy({ $0 > 0 }),
            offsets.shape.dimensions == [samples, offsetGroups * taps * 2] + outputs
        else {
            throw operation.mismatch(
                "offsets of shape \(offsets.shape) don't fit shapes \(x.shape) and \(weight.shape)"
            )
        }
        let places = outputs[0] * outputs[1]
        try ImportBudget.spend(offsets.shape.count * 4, for: "offsets of shape \(offsets.shape)")
        let numbers = offsets.doubles
        guard numbers.allSatisfy({ $0.magnitude < 0x1p20 }) else {
            throw operation.unsupported("its offsets aren't finite")
        }
        let sampler = Sampler(extents: [rows, columns], samples: samples * offsetGroups, taps: 4)
        var points: [[(Int, Double)]] = []
        for sample in 0..<samples {
            for group in 0..<offsetGroups {
                for tap in 0..<taps {
                    for place in 0..<places {
                        let (row, column) = (place / outputs[1], place % outputs[1])
                        func offset(_ axis: Int) -> Double {
                            numbers[(((sample * offsetGroups + group) * taps + tap) * 2 + axis) * places + place]
                        }
                        let y = Double(
                            row * windows.strides[0] - windows.before[0] + tap / windows.kernel[1]
                                * windows.dilations[0]
                        )
                        let z = Double(
                            column * windows.strides[1] - windows.before[1] + tap % windows.kernel[1]
                                * windows.dilations[1]
                        )
                        let perAxis = [(y + offset(0), rows), (z + offset(1), columns)].map { place, extent in
                            Sampler.axisTaps(place, "linear").map { tap in
                                ((0..<extent).contains(tap.position) ? tap.position : -1, tap.weight)
                            }
                        }
                        points.append(sampler.taps(perAxis, sample: sample * offsetGroups + group))
                    }
                }
            }
        }
        let perGroup = channels / offsetGroups
        let apart = try x.expression().reshape([samples * offsetGroups, perGroup, rows, columns])
        let sampled = sampler.rows(points, of: sampler.table(of: apart))  // [N · G · K · P, C / G]
            .reshape([samples, offsetGroups, taps, places, perGroup]).permuted([0, 1, 4, 2, 3])
        var columnsOf = sampled
        if let mask = operation.optional(4) {
            columnsOf = columnsOf * (try mask.expression().reshape([samples, offsetGroups, 1, taps, places]))
        }
        let matrix = columnsOf.reshape([samples, groups, channels / groups * taps, places])
        let kernels = try weight.expression().reshape([groups, weight.shape[0] / groups, channels / groups * taps])
        var result = kernels.matmul(matrix).reshape([samples, weight.shape[0]] + outputs)
        if let bias = operation.optional(3) {
            result = result + (try bias.expression().reshape([1, weight.shape[0], 1, 1]))
        }
        return [Value(x.type, try checked(result))]
    }
}
