"""Asks the cell of compose.yaml which digits eight images show. No party sees an image or an answer."""
import numpy
from crypten_client import Cell

images = numpy.load("/data/x_test.npy")[:8]
truth = numpy.load("/data/y_test.npy")[:8]
with Cell.load("/cell.json", certificate="/identity/ward-app.certificate.pem", key="/identity/ward-app.identity.pem") as cell:
    scores = cell.infer("digits", {"x": images})["logits"]
print("answers", scores.argmax(axis=1))
print("truth  ", truth)
