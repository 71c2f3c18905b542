import unittest

from greeting import greeting


class GreetingTest(unittest.TestCase):
    def test_it_names_the_path(self):
        self.assertEqual(greeting("/there"), "Hello from /there\n")


if __name__ == "__main__":
    unittest.main()
