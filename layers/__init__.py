"""What is where: PostGIS layers, their history and their rights. The only floor that speaks SQL."""
