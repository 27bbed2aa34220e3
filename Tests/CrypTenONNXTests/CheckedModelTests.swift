import CrypTen
import CrypTenONNX
import Foundation
import Testing

@Suite("Checked models")
struct CheckedModelTests {
    @Test(
        "no value of a committed network leaves its range, and none is far from the clear one",
        arguments: ReferenceModel.committed
    )
    func committed(reference: ReferenceModel) async throws {
        let url = reference.url("\(reference.file).onnx", in: ReferenceModel.fixtures)
        let input = try #require(try reference.inputs(in: ReferenceModel.fixtures)[reference.input.name])
        // Some of the batch: the convolutions are evaluated once more in double.
        let rows = min(4, input.shape[0])
        let part = Tensor(
            Array(input.doubles[..<(input.shape.count / input.shape[0] * rows)]),
            shape: Shape([rows] + input.shape.dimensions.dropFirst())
        )
        let reports = try await withInsecureCheckedParties(2) { session in
            let model = try await session.load(onnx: url, from: .party(1))
            let x = try await session.input(from: .party(0), name: reference.input.name) { part }
            return try await session.check(model(x), revealingTo: .party(0))
        }
        for report in reports {
            #expect(report.violation == nil)
            #expect(report.layers.count > 1)
            for layer in report.layers {
                #expect(layer.largestError < 0.005, "\(layer)")
                #expect(layer.headRoomBits.map { $0 > 4 } ?? true, "\(layer)")
            }
        }
        #expect(reports[0].values?[0].shape[0] == rows)
        #expect(reports[1].values == nil)
    }
}
