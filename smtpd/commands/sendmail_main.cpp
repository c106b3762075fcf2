// sendmail(1), mailq(1) and postqueue(1): runs the command after which the program is named.
//
// Every program that sends mail starts it, so it does not load the database. The manuals are in
// sendmail.cpp and postqueue.h.
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "smtpd/commands/postqueue.h"
#include "smtpd/commands/sendmail.h"
#include "smtpd/commands/usage.h"

int main(int argc, char** argv) {
  using namespace pennypost::smtp;  // NOLINT: a program
  std::ios::sync_with_stdio(false);
  std::vector<std::string> args(argv, argv + argc);
  std::string name = args.empty() ? "sendmail" : std::filesystem::path(args[0]).filename().string();
  if (!args.empty()) args.erase(args.begin());
  int status = 0;
  if (usage::is_asked(args)) {
    std::cout << (name == "postqueue" ? usage::postqueue
                  : name == "mailq"   ? usage::mailq
                                      : usage::sendmail)
              << "\n";
  } else if (name == "postqueue") {
    status = postqueue(args, std::cout, std::cerr);
  } else {
    if (name == "mailq") args.insert(args.begin(), "-bp");
    status = sendmail(args, std::cin, std::cout, std::cerr);
  }
  std::cout.flush();
  return std::cout ? status : 75;
}
