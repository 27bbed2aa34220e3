internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// What a classical model makes of its scores, a row for each sample.
enum PostTransform: String {
    case none = "NONE"
    case softmax = "SOFTMAX"
    case logistic = "LOGISTIC"
    /// Softmax of the scores that aren't zero; those that are stay so.
    case softmaxZero = "SOFTMAX_ZERO"
    case probit = "PROBIT"

    /// Of a score for each class, `[samples, classes]`.
    func applied(to scores: CrypTensor) -> CrypTensor {
        switch self {
        case .none, .probit: return scores
        case .logistic: return scores.sigmoid()
        case .softmax: return scores.softmax(axis: 1)
        case .softmaxZero:
            // Far below every other score, so that nothing is left of it.
            let far = CrypTensor(constant: Tensor(-0x1p20)).broadcast(to: scores.shape)
            return CrypTenExpressions.which(scores .== 0, far, scores).softmax(axis: 1)
        }
    }

    /// Of one score for two classes, `[samples, 1]`: it is the second's, whatever the transform but for the logistic one.
    func applied(toOne score: CrypTensor) -> CrypTensor {
        let second = self == .logistic ? score.sigmoid() : score
        return concatenate([1 - second, second], axis: 1)
    }
}

extension Operation {
    /// - Throws: `.unsupportedOperator` for the probit.
    func postTransform() throws -> PostTransform {
        let name = try string("post_transform", default: PostTransform.none.rawValue)
        guard let transform = PostTransform(rawValue: name) else {
            throw malformed("its post transform '\(onOneLine(name))' isn't one of the standard's")
        }
        guard transform != .probit else {
            throw unsupported(
                "its post transform is PROBIT, which isn't computed here; NONE, LOGISTIC and both SOFTMAX are"
            )
        }
        return transform
    }
}
