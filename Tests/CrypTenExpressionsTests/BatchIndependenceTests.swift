import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Testing

@Suite("Whether a batch can be cut")
struct BatchIndependenceTests {
    private func check(_ x: CrypTensor, _ result: CrypTensor) throws {
        try BatchIndependence.check([result], cutInputs: [x])
    }

    @Test("layers of networks do the same with every element")
    func independent() throws {
        let x = placeholder([2, 3, 8, 8])
        let (kernel, bias) = (placeholder([4, 3, 3, 3]), placeholder([4]))
        let features = relu(x.conv2d(kernel, bias: bias, padding: 1)).maxPool2d(3, stride: 2, padding: 1).flatten(
            start: 1
        )
        let hidden = features.linear(placeholder([5, 64]), bias: placeholder([5]))
        let centred = hidden - hidden.mean(axis: -1, keepDimensions: true)
        let token = CrypTensor(constant: Tensor([1.0], shape: [1, 1])).broadcast(to: [2, 1])
        try check(x, concatenate([token, sigmoid(centred * 2)], axis: 1))
        try check(x, argmax(hidden, axis: 1))
        let sequence = placeholder([2, 6, 4])
        let scores = sequence.matmul(sequence.permuted(0, 2, 1))
        try check(sequence, scores.matmul(sequence) + placeholder([6, 4]))
        try check(sequence, sequence.permuted(1, 0, 2).permuted(1, 0, 2))
    }

    @Test("what reads across the batch is refused, by name")
    func mixing() throws {
        let x = placeholder([2, 4])
        let mixes: [(CrypTensor, String)] = [
            (x - x.mean(axis: 0, keepDimensions: true), "sum"), (x.max(axis: 0), "maximum"),
            (x * placeholder([2, 1]), "multiply"), (x.permuted(1, 0), "permute"),
            (x.permuted(1, 0).matmul(x), "matmul"), (x.reshape([8]), "reshape"),
            (concatenate([x, x], axis: 0), "concatenate"),
        ]
        for (result, name) in mixes {
            #expect {
                try check(x, result)
            } throws: { error in
                let error = error as? CrypTenError
                return error?.code == .invalidArgument && error?.message.contains("can't be cut") == true
                    && error?.message.contains(name) == true
            }
        }
    }
}
