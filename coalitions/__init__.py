"""What we conclude from a World: who fits, who should team up, how a consortium stands, what the city can show."""
