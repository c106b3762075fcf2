// Runs a command for tests, in a configuration directory of its own.
#pragma once

#include <fstream>
#include <iostream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "common/base/scratch.h"

namespace pennypost::smtp {

struct CommandHouse {
  using Command = int (*)(std::span<const std::string> args, std::ostream& out, std::ostream& err);
  explicit CommandHouse(Command of) : command(of) {}

  void configure(const std::string& settings) const {
    std::ofstream(scratch / "main.toml") << "myhostname = \"mail.example.test\"\n"
                                         << "auth_user = \"root\"\n"
                                         << settings;
  }
  /// The exit status; `out` and `err` hold what was said.
  int run(std::vector<std::string> args, const std::string& input = "") {
    args.insert(args.begin() + 1, {"-c", scratch.path().string()});
    std::ostringstream made, said;
    std::istringstream in(input);
    auto* before = std::cin.rdbuf(in.rdbuf());
    std::cin.clear();
    int status = command(args, made, said);
    std::cin.rdbuf(before);
    out = made.str();
    err = said.str();
    return status;
  }

  Command command;
  Scratch scratch;
  std::string out;
  std::string err;
};

}  // namespace pennypost::smtp
