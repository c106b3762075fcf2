// Defines the restrictions of smtpd_*_restrictions: their names, and the items of a list.
//
// A word that names no restriction is the name of a class: a setting of the admin's own, declared
// in smtpd_restriction_classes, that holds a list. Whether it is declared is checked when all
// settings are known (class_problem()).
//
// STANDARDS  Postfix's RESTRICTION_CLASS_README
// SEE ALSO   restrictions.def (the table), kinds.h (the notation)
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pennypost {

/// One item of smtpd_*_restrictions: its name in lower case, and its argument where it has one
/// (`check_client_access hash:/etc/pennypost/access`). A bare table stands for the check_*_access
/// of its list and bears the name `check_access`; a class's name bears `restriction_class`.
struct Restriction {
  std::string name;
  std::string argument;
  friend bool operator==(const Restriction&, const Restriction&) = default;
};

/// The lists that smtpd_restriction_classes names.
using RestrictionClasses = std::map<std::string, std::vector<Restriction>, std::less<>>;

/// What restrictions exist and what argument they take; policy/ gives them their meaning.
struct RestrictionName {
  std::string_view name;
  enum Argument { None, Table, Domain, Seconds, Class, Server } argument;
};
const RestrictionName* find_restriction(std::string_view name);

/// How long `sleep` may be; clients wait for a reply for five minutes (RFC 5321 section 4.5.3.2).
inline constexpr int restriction_sleep_seconds_max = 300;
/// How deep classes may name classes, and access tables lists.
inline constexpr int restriction_depth_max = 20;

/// The list as the settings have it, items parted by commas.
std::string text_of(const std::vector<Restriction>& list);

/// Why a list is not right where `declared` are the classes: an item that is neither a restriction
/// nor a class. Empty where it is.
std::string class_problem(const std::vector<Restriction>& list,
                          const std::vector<std::string>& declared);

/// Why the classes themselves are not right: one leads back to itself, or too deep. Empty where
/// they are.
std::string class_problem(const RestrictionClasses& classes, std::string_view name);

}  // namespace pennypost
