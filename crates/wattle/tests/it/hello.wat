;; The smallest program that answers: it sets a response with the status 200 and a body of one line.
(component)
