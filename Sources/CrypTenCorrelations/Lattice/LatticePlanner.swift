internal import CrypTenBase
package import CrypTenRing

/// Chooses how an operation is packed: the cheapest by `LatticeCost`, of all layouts, lanes and blocks whose noise is admitted.
///
/// Deterministic, in whole numbers, on shapes alone. Elements of products of elements lie in a group each, which costs a ciphertext and an answer each:
/// transfers are far cheaper, as they are below some 500 multiply-accumulates a call. Compare costs.
package enum LatticePlanner {
    /// The cheapest packing of an operation.
    ///
    /// - Parameters:
    ///   - operation: What is computed.
    ///   - left: The left operand's shape.
    ///   - right: The right operand's shape.
    ///   - encrypted: The operand that is encrypted, where that is decided already; nil for whichever is cheaper.
    /// - Returns: The packing; both parties get the same.
    /// - Throws: `.shapeMismatch` where the shapes don't fit; `.invalidArgument` where an operand is too large, or every packing's noise may exceed what is
    ///   admitted.
    package static func packing(
        _ operation: BilinearOperation,
        _ left: Shape,
        _ right: Shape,
        encrypting encrypted: LatticeForm.Operand? = nil
    ) throws -> LatticePacking {
        let output = try operation.outputShape(left, right)
        guard [left, right, output].allSatisfy({ $0.count <= Int(Int32.max) }) else {
            throw CrypTenError(
                .invalidArgument,
                "\(operation.name) of \(left) and \(right) by ring-LWE takes tensors of at most 2^31 − 1 elements; split them"
            )
        }
        var best: (packing: LatticePacking, picoseconds: Int)?
        let forms = try forms(operation, left, right, output)
        for form in forms {
            for side in encrypted.map({ [$0] }) ?? LatticeForm.Operand.allCases {
                for packing in packings(form, side) {
                    let cost = packing.cost.picoseconds
                    if best.map({ cost < $0.picoseconds }) ?? true { best = (packing, cost) }
                }
            }
        }
        guard let best else { throw LatticeNoise.tooLong(forms[0], terms: forms[0].channels) }
        return best.packing
    }

    /// An operation as products of matrices.
    ///
    /// - Throws: `.shapeMismatch` where the shapes don't fit.
    package static func matrix(_ operation: BilinearOperation, _ left: Shape, _ right: Shape) throws -> LatticeForm {
        let output = try operation.outputShape(left, right)
        let maps = MatrixMaps(operation, left, right, output)
        return LatticeForm(
            operation,
            (left, right, output),
            .matrix,
            groups: maps.groups,
            channels: maps.channels,
            area: 1,
            left: LatticeForm.Side(rows: maps.leftRows, offsets: [0]),
            right: LatticeForm.Side(rows: maps.rightRows, offsets: [0]),
            resultOffsets: [0]
        )
    }

    /// An operation's forms, products of matrices first.
    private static func forms(
        _ operation: BilinearOperation,
        _ left: Shape,
        _ right: Shape,
        _ output: Shape
    ) throws -> [LatticeForm] {
        var forms = [try matrix(operation, left, right)]
        for height in tileExtents(operation, 0, left, output) {
            for width in tileExtents(operation, 1, left, output) {
                guard let form = tiles(operation, left, right, output, height, width) else { continue }
                forms.append(form)
            }
        }
        return forms
    }

    /// The form in tiles of that size; nil where it has none, or the tile is larger than a polynomial.
    package static func tiles(
        _ operation: BilinearOperation,
        _ left: Shape,
        _ right: Shape,
        _ output: Shape,
        _ height: Int,
        _ width: Int
    ) -> LatticeForm? {
        guard let maps = TileMaps(operation, left, right, output, height, width) else { return nil }
        return LatticeForm(
            operation,
            (left, right, output),
            .tiles(height: height, width: width),
            groups: maps.groups,
            channels: maps.channels,
            area: maps.area,
            left: LatticeForm.Side(rows: maps.imageRows, offsets: maps.imageOffsets),
            right: LatticeForm.Side(rows: maps.kernelRows, offsets: maps.kernelOffsets),
            resultOffsets: maps.resultOffsets
        )
    }

    /// Extents of tiles along an axis: one of each number of tiles.
    private static func tileExtents(
        _ operation: BilinearOperation,
        _ axis: Int,
        _ left: Shape,
        _ output: Shape
    ) -> [Int] {
        let count =
            switch operation {
            case .convolution: output[2 + axis]
            case .convolutionInputGradient(let geometry, _, _):
                TileAxis.count(geometry, axis, input: output[2 + axis], output: left[2 + axis], true)
            default: 0
            }
        return parts(of: count).filter { $0 <= 128 }
    }

    /// ⌈count / n⌉ for n = 1, 2, 3 …, each once, largest first.
    private static func parts(of count: Int) -> [Int] {
        var parts: [Int] = []
        var part = count
        while part > 0 {
            parts.append(part)
            if part == 1 { break }
            // The fewest parts that are smaller than this one.
            let pieces = (count + part - 2) / (part - 1)
            part = (count + pieces - 1) / pieces
        }
        return parts
    }

    /// Packings of a form that are worth a look: for each number of lanes and of blocks of channels, the most outputs that fit.
    private static func packings(_ form: LatticeForm, _ encrypted: LatticeForm.Operand) -> [LatticePacking] {
        let (rows, plain) = (form[encrypted].rows, form[encrypted.other])
        if form.isEmpty {
            return [LatticePacking(form, encrypted: encrypted, lanes: 1, blockChannels: 1, blockOutputs: 1)]
        }
        var packings: [LatticePacking] = []
        var lanes = 1
        while lanes * form.area <= LatticeParameters.degree {
            let room = LatticeParameters.degree / lanes / form.area
            for channels in parts(of: form.channels) where channels <= room {
                let terms = (form.channels + channels - 1) / channels
                let admitted = LatticeNoise.mostTerms / (terms * channels * plain.offsets.count)
                let outputs = min(plain.rows, room / channels, admitted)
                guard outputs > 0 else { continue }
                packings.append(
                    LatticePacking(
                        form,
                        encrypted: encrypted,
                        lanes: lanes,
                        blockChannels: channels,
                        blockOutputs: outputs
                    )
                )
            }
            if lanes >= rows { break }
            lanes *= 2
        }
        return packings
    }
}
