"""repository.py MAVEN: prints the address of the repository that the Maven unpacked there takes jars from."""
import re
import sys
import zipfile
from pathlib import Path

(jar,) = {path.resolve() for path in Path(sys.argv[1]).rglob("maven*-model-builder*.jar") if path.exists()}
pom = zipfile.ZipFile(jar).read("org/apache/maven/model/pom-4.0.0.xml").decode()
print(re.search("<url>(.*?)</url>", pom).group(1))
