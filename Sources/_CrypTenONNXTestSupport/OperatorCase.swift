package import CrypTenExpressions
import CrypTenRing
package import Foundation

/// A model of one operator, its inputs, and what another runtime computes of them; `Scripts/make_operator_cases.py` makes them.
package struct OperatorCase: Decodable, Sendable {
    package struct Entry: Decodable, Sendable {
        package var name: String
        package var shape: [Int]
        package var kind: ElementKind
        package var values: [Double]
        package var `public`: Bool

        package var tensor: Tensor {
            switch kind {
            case .real: Tensor(values, shape: Shape(shape))
            case .integer: Tensor(values.map { Int64($0) }, shape: Shape(shape))
            case .bit: Tensor(.bool(values.map { $0 != 0 }), shape: Shape(shape))
            }
        }
    }

    package var name: String
    package var `operator`: String
    package var model: Data
    package var inputs: [Entry]
    package var outputs: [Entry]

    private struct File: Decodable {
        var cases: [OperatorCase]
    }

    /// All cases of a file.
    package static func read(from url: URL) throws -> [OperatorCase] {
        try JSONDecoder().decode(File.self, from: Data(contentsOf: url)).cases
    }
}
