internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Images of other extents: maps of each axis whose weights are public.
    static let resizing: [String: OperatorEntry] = [
        "Resize": OperatorEntry([10, 11, 13, 18, 19], known: [1, 2, 3], resize),
        "Upsample": OperatorEntry([7, 9, 10], known: [1], upsample),
    ]

    private static func resize(_ operation: Operation) throws -> [Value] {
        let x = try operation.input(0)
        let isFirst = operation.version < 11
        let roi = isFirst ? nil : try operation.known(1)?.doubles
        let scales = try operation.known(isFirst ? 1 : 2)?.doubles
        let sizes = isFirst ? nil : try operation.knownIntegers(3)
        let axes = try operation.axes(try operation.ints("axes") ?? Array(0..<x.shape.rank), rank: x.shape.rank)
        var plan = try ResizePlan(operation, isFirst: isFirst)
        if let sizes, !sizes.isEmpty {
            guard sizes.count == axes.count, sizes.allSatisfy({ (0...1 << 30).contains($0) }),
                axes.allSatisfy({ x.shape[$0] > 0 })
            else { throw operation.malformed("its sizes must be \(axes.count) extents, and no axis empty") }
            let ratios = zip(axes, sizes).map { Double($1) / Double(x.shape[$0]) }
            let policy = try operation.string("keep_aspect_ratio_policy", default: "stretch")
            let common = policy == "not_larger" ? ratios.min() : policy == "not_smaller" ? ratios.max() : nil
            for (number, axis) in axes.enumerated() {
                let length = common.map { Int(($0 * Double(x.shape[axis])).rounded()) } ?? sizes[number]
                plan.axes.append(
                    .init(
                        axis: axis,
                        scale: common ?? ratios[number],
                        input: x.shape[axis],
                        output: length,
                        length: Double(length)
                    )
                )
            }
        } else {
            guard let scales, scales.count == axes.count, scales.allSatisfy({ $0 > 0 && $0 < 0x1p20 }) else {
                throw operation.malformed("its scales must be \(axes.count) numbers above 0")
            }
            for (axis, scale) in zip(axes, scales) {
                let length = Int((Double(x.shape[axis]) * scale).rounded(.down))
                plan.axes.append(
                    .init(
                        axis: axis,
                        scale: scale,
                        input: x.shape[axis],
                        output: length,
                        length: scale * Double(x.shape[axis])
                    )
                )
            }
        }
        if let roi, roi.count == 2 * axes.count {
            for number in axes.indices {
                (plan.axes[number].start, plan.axes[number].end) = (roi[number], roi[axes.count + number])
            }
        } else if plan.coordinates == "tf_crop_and_resize" {
            throw operation.malformed("its roi must be two numbers for each of \(axes.count) axes")
        }
        return [try plan.applied(to: x, operation)]
    }

    private static func upsample(_ operation: Operation) throws -> [Value] {
        let x = try operation.input(0)
        let scales = try operation.version < 9 ? operation.floats("scales") : operation.known(1)?.doubles
        guard let scales, scales.count == x.shape.rank, scales.allSatisfy({ $0 >= 1 && $0 < 0x1p20 }) else {
            throw operation.malformed("its scales must be \(x.shape.rank) numbers from 1 on")
        }
        var plan = try ResizePlan(operation, isFirst: true)
        for (axis, scale) in scales.enumerated() {
            let length = Int((Double(x.shape[axis]) * scale).rounded(.down))
            plan.axes.append(
                .init(
                    axis: axis,
                    scale: scale,
                    input: x.shape[axis],
                    output: length,
                    length: scale * Double(x.shape[axis])
                )
            )
        }
        return [try plan.applied(to: x, operation)]
    }
}

/// How each axis of an image is made longer or shorter.
private struct ResizePlan {
    struct Axis {
        var axis: Int
        var scale: Double
        var input: Int
        var output: Int
        /// The extent that the scale gives, which may be a fraction: the standard's coordinates go by it.
        var length: Double
        /// The part that is read, as fractions of the axis.
        var start = 0.0
        var end = 1.0
    }

    var axes: [Axis] = []
    private(set) var coordinates: String
    private var mode: String
    private var nearest: String
    private var cubic: Double
    private var excludesOutside: Bool
    private var antialiases: Bool
    private var extrapolation: Double

    init(_ operation: Operation, isFirst: Bool) throws {
        let given = try operation.string("mode", default: "nearest")
        mode = ["bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"][given] ?? given
        coordinates =
            isFirst ? "asymmetric" : try operation.string("coordinate_transformation_mode", default: "half_pixel")
        nearest = isFirst ? "floor" : try operation.string("nearest_mode", default: "round_prefer_floor")
        cubic = try operation.float("cubic_coeff_a", default: -0.75)
        excludesOutside = try operation.flag("exclude_outside", default: false)
        antialiases = try operation.flag("antialias", default: false)
        extrapolation = try operation.float("extrapolation_value", default: 0)
        guard ["nearest", "linear", "cubic"].contains(mode) else {
            throw operation.malformed("mode '\(given)' isn't known")
        }
    }

    func applied(to x: Value, _ operation: Operation) throws -> Value {
        var result = x
        for axis in axes {
            guard axis.input > 0, axis.output >= 0 else { throw operation.mismatch("axis \(axis.axis) is empty") }
            if axis.scale == 1, axis.input == axis.output, coordinates != "tf_crop_and_resize" { continue }
            try ImportBudget.spend(axis.output * 8, for: "positions of \(axis.output) elements")
            let rows = try (0..<axis.output).map { try row(axis, $0, operation) }
            result = try mapped(result, rows, axis)
        }
        return result
    }

    /// The positions that an element is made of, with their weights; none: the extrapolation's value.
    private typealias Row = [(position: Int, weight: Double)]

    private func row(_ axis: Axis, _ index: Int, _ operation: Operation) throws -> Row {
        let (input, output) = (Double(axis.input), axis.length)
        let i = Double(index)
        let place: Double
        switch coordinates {
        case "half_pixel": place = (i + 0.5) / axis.scale - 0.5
        case "half_pixel_symmetric":
            let adjustment = Double(axis.output) / (axis.scale * input)
            place = input / 2 * (1 - adjustment) + (i + 0.5) / axis.scale - 0.5
        case "pytorch_half_pixel": place = axis.output > 1 ? (i + 0.5) / axis.scale - 0.5 : 0
        case "align_corners": place = axis.output > 1 ? i * (input - 1) / (output - 1) : 0
        case "asymmetric": place = i / axis.scale
        case "tf_half_pixel_for_nn": place = (i + 0.5) / axis.scale
        case "tf_crop_and_resize":
            place =
                axis.output > 1
                ? axis.start * (input - 1) + i * (axis.end - axis.start) * (input - 1) / (output - 1)
                : 0.5 * (axis.start + axis.end) * (input - 1)
            if place < 0 || place > input - 1 { return [] }
        default: throw operation.malformed("coordinate_transformation_mode '\(coordinates)' isn't known")
        }
        guard place.magnitude < 0x1p40 else { throw operation.malformed("its scale \(axis.scale) is too small") }
        var taps: Row
        if mode == "nearest" {
            let rounded: Double
            switch nearest {
            case "round_prefer_floor": rounded = (place - 0.5).rounded(.up)
            case "round_prefer_ceil": rounded = (place + 0.5).rounded(.down)
            case "floor": rounded = place.rounded(.down)
            case "ceil": rounded = place.rounded(.up)
            default: throw operation.malformed("nearest_mode '\(nearest)' isn't known")
            }
            taps = [(Int(rounded), 1)]
        } else {
            let base = place.rounded(.down)
            let stretch = antialiases ? Swift.min(axis.scale, 1) : 1
            let reach = (mode == "linear" ? 1 : 2) / stretch
            let first = Int((-reach).rounded(.down)) + 1
            let count = (mode == "linear" ? 2 : 4) - (antialiases ? 2 * (first + (mode == "linear" ? 0 : 1)) : 0)
            let length = antialiases ? Swift.max(count, 1 - 2 * first + 1) : count
            guard length <= 1 << 12 else { throw operation.unsupported("its filter has \(length) elements") }
            taps = (0..<length).map { number in
                let offset = first + number
                let distance = (Double(offset) - (place - base)) * stretch
                return (Int(base) + offset, mode == "linear" ? hat(distance) : kernel(distance))
            }
        }
        if excludesOutside || antialiases {
            if excludesOutside { taps = taps.map { (0..<axis.input).contains($0.position) ? $0 : ($0.position, 0) } }
            let total = taps.reduce(0) { $0 + $1.weight }
            if total != 0 { taps = taps.map { ($0.position, $0.weight / total) } }
        }
        return taps.map { (Swift.min(Swift.max($0.position, 0), axis.input - 1), $0.weight) }
    }

    private func hat(_ distance: Double) -> Double {
        Swift.max(0, 1 - distance.magnitude)
    }

    /// Keys' cubic convolution kernel.
    private func kernel(_ distance: Double) -> Double {
        let (x, a) = (distance.magnitude, cubic)
        if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        if x < 2 { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
        return 0
    }

    /// Elements along an axis as weighted sums of elements.
    private func mapped(_ value: Value, _ rows: [Row], _ axis: Axis) throws -> Value {
        if rows.allSatisfy({ $0.count == 1 && $0[0].weight == 1 }) {
            return try value.taking(rows.map { $0[0].position }, axis: axis.axis)
        }
        let taps = rows.map(\.count).max() ?? 0
        let spread = Shape((0..<value.shape.rank).map { $0 == axis.axis ? rows.count : 1 })
        return try Value.computed([value], value.type) { operands in
            var sum: CrypTensor?
            for tap in 0..<taps {
                let weights = rows.map { $0.count > tap ? $0[tap].weight : 0 }
                if weights.allSatisfy({ $0 == 0 }) { continue }
                let part = operands[0].take(rows.map { $0.count > tap ? $0[tap].position : 0 }, axis: axis.axis)
                let term = part * CrypTensor(constant: Tensor(weights, shape: spread))
                sum = sum.map { $0 + term } ?? term
            }
            var result = sum ?? operands[0].take(rows.map { _ in 0 }, axis: axis.axis) * 0
            if extrapolation != 0, rows.contains(where: \.isEmpty) {
                let outside = rows.map { $0.isEmpty ? extrapolation : 0 }
                result = result + CrypTensor(constant: Tensor(outside, shape: spread))
            }
            return result
        }
    }
}
