internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Classical models: what names and arranges numbers.
    static let classicalStructure: [String: OperatorEntry] = [
        // The maps' keys are the columns' names, which all know: what is computed is the columns.
        OperatorDomain.classical.operation("ZipMap"): OperatorEntry([1]) { operation in
            let value = try operation.real(0)
            let names = (try operation.strings("classlabels_strings"))?.count
            guard let count = try names ?? operation.ints("classlabels_int64s")?.count, value.shape.rank >= 1,
                value.shape.dimensions.last == count
            else {
                throw operation.mismatch("its labels don't fit columns of shape \(value.shape)")
            }
            return [value]
        }
    ]
}
