internal import CrypTenRing

/// A convolution, or its gradient with respect to the input, in tiles: where the elements of tiles, kernels and results are.
///
/// Strides are taken apart: positions modulo the stride are *phases*. A convolution of stride s is one of stride 1 with a channel for each phase in
/// which a tap lies; a gradient with respect to the input is one of stride 1 with a row of kernels for each. Nothing is assumed of strides, dilations and
/// padding.
struct TileMaps {
    private let extents: ConvolutionExtents
    private let isGradient: Bool
    private let axes: [TileAxis]
    /// Channels and extents of what tiles are cut of, and of the result, in a group.
    private let from, to: (channels: Int, height: Int, width: Int)

    let groups, channels, imageRows, kernelRows: Int
    let area: Int
    let imageOffsets, kernelOffsets, resultOffsets: [Int]

    init(_ form: LatticeForm, _ height: Int, _ width: Int) {
        self.init(form.operation, form.leftShape, form.rightShape, form.outputShape, height, width)!
    }

    /// Nil where the operation isn't of this kind, or a tile with its halo is larger than a polynomial.
    init?(_ operation: BilinearOperation, _ left: Shape, _ right: Shape, _ output: Shape, _ height: Int, _ width: Int) {
        let e: ConvolutionExtents
        switch operation {
        case .convolution(let geometry):
            e = ConvolutionExtents(geometry, input: left, kernel: right)!
            isGradient = false
        case .convolutionInputGradient(let geometry, _, _):
            e = ConvolutionExtents(geometry, input: output, kernel: right)!
            isGradient = true
        default: return nil
        }
        extents = e
        let input = (channels: e.groupChannels, height: e.height, width: e.width)
        let result = (channels: e.groupOutputs, height: e.outputHeight, width: e.outputWidth)
        from = isGradient ? result : input
        to = isGradient ? input : result
        axes = [
            TileAxis(
                e.geometry,
                0,
                kernel: e.kernelHeight,
                input: e.height,
                output: e.outputHeight,
                isGradient,
                tile: height
            ),
            TileAxis(
                e.geometry,
                1,
                kernel: e.kernelWidth,
                input: e.width,
                output: e.outputWidth,
                isGradient,
                tile: width
            ),
        ]
        let (y, x) = (axes[0], axes[1])
        let phases = y.phases.count * x.phases.count
        groups = e.geometry.groups
        channels = from.channels * (isGradient ? 1 : phases)
        imageRows = e.batch * y.tiles * x.tiles
        kernelRows = to.channels * (isGradient ? phases : 1)
        let (tall, wide) = (height + y.halo, width + x.halo)
        let (product, overflows) = tall.multipliedReportingOverflow(by: wide)
        guard !overflows, product <= LatticeParameters.degree else { return nil }
        area = product
        let last = y.halo * wide + x.halo
        imageOffsets = Array(0..<area)
        kernelOffsets = y.taps.flatMap { v in x.taps.map { last - v * wide - $0 } }
        resultOffsets = (0..<height).flatMap { v in (0..<width).map { last + v * wide + $0 } }
    }

    func map(of operand: LatticeForm.Operand) -> [Int32] {
        operand == .left ? imageMap() : kernelMap()
    }

    /// [group, (image, tile), (channel, phases), position].
    private func imageMap() -> [Int32] {
        let (y, x) = (axes[0], axes[1])
        var out: [Int32] = []
        out.reserveCapacity(groups * imageRows * channels * area)
        // Phases of what is read: none of a gradient's.
        let (phasesY, phasesX) = isGradient ? (1, 1) : (y.phases.count, x.phases.count)
        for group in 0..<groups {
            for image in 0..<extents.batch {
                for ty in 0..<y.tiles {
                    for tx in 0..<x.tiles {
                        for c in 0..<from.channels {
                            let base = ((image * groups + group) * from.channels + c) * from.height
                            for py in 0..<phasesY {
                                for px in 0..<phasesX {
                                    for v in 0..<y.tile + y.halo {
                                        let row = y.read(tile: ty, position: v, phase: py)
                                        for u in 0..<x.tile + x.halo {
                                            let column = x.read(tile: tx, position: u, phase: px)
                                            out.append(
                                                row < 0 || column < 0 ? -1 : Int32((base + row) * from.width + column)
                                            )
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return out
    }

    /// [group, (output, phases), (channel, phases), tap]; phases belong to one of both.
    private func kernelMap() -> [Int32] {
        let (y, x) = (axes[0], axes[1])
        let taps = y.taps.flatMap { v in x.taps.map { (v, $0) } }
        let phases = y.phases.indices.flatMap { py in x.phases.indices.map { (py, $0) } }
        var out: [Int32] = []
        out.reserveCapacity(groups * kernelRows * channels * taps.count)
        func append(_ group: Int, _ output: Int, _ channel: Int, _ phase: (Int, Int)) {
            let base = (group * extents.groupOutputs + output) * extents.groupChannels + channel
            for (v, u) in taps {
                let (row, column) = (y.tap(phase: phase.0, at: v), x.tap(phase: phase.1, at: u))
                let index = (base * extents.kernelHeight + row) * extents.kernelWidth + column
                out.append(row < 0 || column < 0 ? -1 : Int32(index))
            }
        }
        for group in 0..<groups {
            if isGradient {
                for channel in 0..<to.channels {
                    for phase in phases {
                        for output in 0..<from.channels { append(group, output, channel, phase) }
                    }
                }
            } else {
                for output in 0..<to.channels {
                    for channel in 0..<from.channels {
                        for phase in phases { append(group, output, channel, phase) }
                    }
                }
            }
        }
        return out
    }

    func resultMap() -> [Int32] {
        let (y, x) = (axes[0], axes[1])
        var out: [Int32] = []
        out.reserveCapacity(groups * imageRows * kernelRows * resultOffsets.count)
        let phases = isGradient ? y.phases.indices.flatMap { py in x.phases.indices.map { (py, $0) } } : [(0, 0)]
        for group in 0..<groups {
            for image in 0..<extents.batch {
                for ty in 0..<y.tiles {
                    for tx in 0..<x.tiles {
                        for channel in 0..<to.channels {
                            let base = ((image * groups + group) * to.channels + channel) * to.height
                            for phase in phases {
                                for v in 0..<y.tile {
                                    let row = y.written(tile: ty, position: v, phase: phase.0)
                                    for u in 0..<x.tile {
                                        let column = x.written(tile: tx, position: u, phase: phase.1)
                                        out.append(row < 0 || column < 0 ? -1 : Int32((base + row) * to.width + column))
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return out
    }
}

/// One axis of a convolution in tiles.
struct TileAxis {
    /// Residues modulo the stride in which taps lie, and distances of taps from the first position: dilation · tap = stride · distance + phase.
    let phases, taps: [Int]
    /// The largest distance: positions that tiles overlap by.
    let halo: Int
    /// Results in a tile, and tiles.
    let tile, tiles: Int
    private let stride, dilation, padding, kernel, input, output: Int
    private let isGradient: Bool
    private let first: Int

    init(
        _ geometry: ConvolutionGeometry,
        _ axis: Int,
        kernel: Int,
        input: Int,
        output: Int,
        _ isGradient: Bool,
        tile: Int
    ) {
        (stride, dilation, padding) = (geometry.strides[axis], geometry.dilations[axis], geometry.padding[axis])
        (self.kernel, self.input, self.output, self.isGradient, self.tile) = (kernel, input, output, isGradient, tile)
        let stride = stride
        let dilation = dilation
        phases = Set((0..<kernel).map { dilation * $0 % stride }).sorted()
        let distances = Set((0..<kernel).map { dilation * $0 / stride }).sorted()
        halo = distances.last ?? 0
        let last = halo
        // A gradient reads backwards.
        taps = isGradient ? distances.reversed().map { last - $0 } : distances
        first = isGradient ? padding / stride : 0
        let count = isGradient ? max(0, (input - 1 + padding) / stride + 1 - first) : output
        tiles = (count + tile - 1) / tile
    }

    /// Results along the axis, of one phase.
    static func count(_ geometry: ConvolutionGeometry, _ axis: Int, input: Int, output: Int, _ isGradient: Bool) -> Int
    {
        let (stride, padding) = (geometry.strides[axis], geometry.padding[axis])
        return isGradient ? max(0, (input - 1 + padding) / stride + 1 - padding / stride) : output
    }

    /// The coordinate that a position of a tile reads, or −1.
    func read(tile index: Int, position: Int, phase: Int) -> Int {
        let place = first + index * tile + position
        let (at, extent) = isGradient ? (place - halo, output) : (stride * place + phases[phase] - padding, input)
        return at >= 0 && at < extent ? at : -1
    }

    /// The tap at a distance, or −1.
    func tap(phase: Int, at distance: Int) -> Int {
        let steps = stride * (isGradient ? halo - distance : distance) + phases[phase]
        return steps % dilation == 0 && steps / dilation < kernel ? steps / dilation : -1
    }

    /// The coordinate of a result, or −1.
    func written(tile index: Int, position: Int, phase: Int) -> Int {
        let place = first + index * tile + position
        let (at, extent) = isGradient ? (stride * place + phases[phase] - padding, input) : (place, output)
        return at >= 0 && at < extent ? at : -1
    }
}
