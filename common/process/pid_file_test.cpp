#include "common/process/pid_file.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/base/scratch.h"

using namespace pennypost;

TEST_CASE("a pid file is there as long as its process holds it, and gone at an orderly end") {
  Scratch scratch;
  std::string run = scratch / "run";
  {
    auto file = PidFile::create(run, "smtpd");
    REQUIRE(file);
    CHECK(PidFile::running(run, "smtpd") == getpid());
    auto second = PidFile::create(run, "smtpd");
    REQUIRE_FALSE(second);
    CHECK(second.error().text().find("is running already") != std::string::npos);
    PidFile moved = *std::move(file);
    CHECK(PidFile::running(run, "smtpd") == getpid());
  }
  CHECK_FALSE(std::filesystem::exists(run + "/smtpd.pid"));
  CHECK_FALSE(PidFile::running(run, "smtpd"));
}

TEST_CASE("a child's copy removes nothing when the child ends") {
  Scratch scratch;
  std::string run = scratch / "run";
  auto file = PidFile::create(run, "smtpd");
  REQUIRE(file);
  pid_t child = fork();
  if (child == 0) {
    { PidFile copy = *std::move(file); }
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(std::filesystem::exists(run + "/smtpd.pid"));
}

TEST_CASE("what a crash left behind counts for nothing, and the next start takes it over") {
  Scratch scratch;
  std::string run = scratch / "run";
  std::filesystem::create_directory(run);
  std::ofstream(run + "/smtpd.pid") << getppid() << "\n";
  CHECK_FALSE(PidFile::running(run, "smtpd"));
  auto file = PidFile::create(run, "smtpd");
  REQUIRE(file);
  CHECK(PidFile::running(run, "smtpd") == getpid());
}

TEST_CASE("an empty pid file, as a full disk leaves it, still tells who runs: by its lock") {
  Scratch scratch;
  auto file = PidFile::create(scratch.path(), "smtpd");
  REQUIRE(file);
  std::filesystem::resize_file(scratch.path() / "smtpd.pid", 0);
  CHECK(PidFile::running(scratch.path(), "smtpd") == getpid());
}
