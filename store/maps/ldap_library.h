// Names the functions of libldap that are used here; loaded when a table first needs them.
#pragma once

#include <ldap.h>

#include "common/base/shared_library.h"

namespace pennypost::store {

/// The functions of libldap.
struct Ldap {
  explicit Ldap(SharedLibrary& from) {
    from.find("ldap_initialize", initialize);
    from.find("ldap_set_option", set_option);
    from.find("ldap_get_option", get_option);
    from.find("ldap_start_tls_s", start_tls);
    from.find("ldap_sasl_bind", sasl_bind);
    from.find("ldap_search_ext", search_ext);
    from.find("ldap_abandon_ext", abandon_ext);
    from.find("ldap_result", result);
    from.find("ldap_parse_result", parse_result);
    from.find("ldap_unbind_ext", unbind_ext);
    from.find("ldap_msgfree", msgfree);
    from.find("ldap_err2string", err2string);
    from.find("ldap_first_entry", first_entry);
    from.find("ldap_next_entry", next_entry);
    from.find("ldap_first_attribute", first_attribute);
    from.find("ldap_next_attribute", next_attribute);
    from.find("ldap_get_values_len", get_values_len);
    from.find("ldap_value_free_len", value_free_len);
    from.find("ldap_memfree", memfree);
    from.find("ldap_is_ldap_url", is_ldap_url);
    from.find("ldap_url_parse", url_parse);
    from.find("ldap_free_urldesc", free_urldesc);
    from.find("ber_free", ber_free);
    // The library sets itself up at the first call, which must not come from several threads.
    int version = 0;
    if (get_option != nullptr) get_option(nullptr, LDAP_OPT_PROTOCOL_VERSION, &version);
  }
  decltype(&::ldap_initialize) initialize = nullptr;
  decltype(&::ldap_set_option) set_option = nullptr;
  decltype(&::ldap_get_option) get_option = nullptr;
  decltype(&::ldap_start_tls_s) start_tls = nullptr;
  decltype(&::ldap_sasl_bind) sasl_bind = nullptr;
  decltype(&::ldap_search_ext) search_ext = nullptr;
  decltype(&::ldap_abandon_ext) abandon_ext = nullptr;
  decltype(&::ldap_result) result = nullptr;
  decltype(&::ldap_parse_result) parse_result = nullptr;
  decltype(&::ldap_unbind_ext) unbind_ext = nullptr;
  decltype(&::ldap_msgfree) msgfree = nullptr;
  decltype(&::ldap_err2string) err2string = nullptr;
  decltype(&::ldap_first_entry) first_entry = nullptr;
  decltype(&::ldap_next_entry) next_entry = nullptr;
  decltype(&::ldap_first_attribute) first_attribute = nullptr;
  decltype(&::ldap_next_attribute) next_attribute = nullptr;
  decltype(&::ldap_get_values_len) get_values_len = nullptr;
  decltype(&::ldap_value_free_len) value_free_len = nullptr;
  decltype(&::ldap_memfree) memfree = nullptr;
  decltype(&::ldap_is_ldap_url) is_ldap_url = nullptr;
  decltype(&::ldap_url_parse) url_parse = nullptr;
  decltype(&::ldap_free_urldesc) free_urldesc = nullptr;
  decltype(&::ber_free) ber_free = nullptr;
};

}  // namespace pennypost::store
