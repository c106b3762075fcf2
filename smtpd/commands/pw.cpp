// `pennypost pw`: makes the stored form of a password, or checks one, as doveadm pw does.
//
// SYNOPSIS
//   pennypost pw [-s SCHEME] [-p PASSWORD]
//   pennypost pw -t STORED [-p PASSWORD]
//   pennypost pw -l
//
// DESCRIPTION
//   Without -p the password is asked for; if standard input is not a terminal, its first line is
//   the password. What is printed can be given to `pennypost user add -s` and `passwd -s`, and to
//   Dovecot.
//
//   -s  the scheme; ARGON2ID unless told otherwise
//   -t  tells whether the password fits this stored form; the exit status is 1 if not
//   -l  lists the schemes
#include "smtpd/commands/pw.h"

#include <optional>
#include <ostream>

#include "common/crypto/password.h"
#include "smtpd/commands/ask_password.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/usage.h"

namespace pennypost::smtp {
namespace {

struct Call {
  std::string scheme = "ARGON2ID";
  std::optional<std::string> password;
  std::optional<std::string> stored;
  bool lists = false;
};

std::optional<Call> parse(std::span<const std::string> args) {
  Call call;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const bool has_value = i + 1 < args.size();
    if (args[i] == "-l") {
      call.lists = true;
    } else if (args[i] == "-s" && has_value) {
      call.scheme = args[++i];
    } else if (args[i] == "-p" && has_value) {
      call.password = args[++i];
    } else if (args[i] == "-t" && has_value) {
      call.stored = args[++i];
    } else if (args[i] == "-c" && has_value) {
      ++i;  // no setting matters here
    } else {
      return {};
    }
  }
  return call;
}

/// The exit status.
Result<int> work(const Call& call, std::ostream& out, std::ostream& err) {
  if (call.lists) {
    for (auto scheme : password_schemes()) out << scheme << "\n";
    return 0;
  }
  auto password =
      call.password ? Result<Secret>(Secret(*call.password)) : ask_password("the form", err);
  if (!password) return std::move(password).error();
  if (call.stored) {
    TRY(bool fits, verify_password(*password, *call.stored));
    out << *call.stored << (fits ? " (verified)\n" : " (does not fit)\n");
    return fits ? 0 : 1;
  }
  TRY(auto made, hash_password_as(*password, call.scheme));
  out << made << "\n";
  return 0;
}

}  // namespace

int pw(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto call = parse(args);
  if (!call) {
    err << usage::pw << "\n";
    return ex_usage;
  }
  auto status = work(*call, out, err);
  if (status) return *status;
  err << "pennypost pw: fatal: " << status.error().text() << "\n";
  return 1;
}

}  // namespace pennypost::smtp
