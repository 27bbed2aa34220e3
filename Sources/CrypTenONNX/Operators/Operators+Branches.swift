internal import CrypTenBase
internal import CrypTenExpressions

extension OperatorTable {
    /// Graphs of which one runs: chosen at import, by what is known there.
    static let branches: [String: OperatorEntry] = [
        "If": OperatorEntry([1, 11, 13, 16, 19, 21, 23, 24, 25], known: [0], takesLists: true) { operation in
            guard let condition = try operation.condition(0) else {
                throw operation.malformed("its condition is missing")
            }
            return try operation.graph(condition ? "then_branch" : "else_branch", namesLayers: true)([])
        }
    ]
}
