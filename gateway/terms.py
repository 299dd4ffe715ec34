"""The terms of a request: bodies and people, kinds of information, purposes, powers, and what a decision comes to.

A test holds them equal to ``policies/vocabulary.toml``.
"""

from __future__ import annotations

from enum import StrEnum


class Jurisdiction(StrEnum):
    """Nation or nations whose law governs the case."""

    EW = "EW"
    ENG = "ENG"
    WAL = "WAL"
    SCO = "SCO"
    NIR = "NIR"


class Arrangement(StrEnum):
    """Kinds of arrangement."""

    MAPPA = "MAPPA"
    MAPPA_SCR = "MAPPA_SCR"
    MARAC = "MARAC"
    MASH = "MASH"
    CHILD_PROTECTION = "CHILD_PROTECTION"
    ADULT_SAFEGUARDING = "ADULT_SAFEGUARDING"
    IOM = "IOM"
    CSP = "CSP"
    VMAP = "VMAP"
    SUPPORTING_FAMILIES = "SUPPORTING_FAMILIES"
    SERIOUS_VIOLENCE_DUTY = "SERIOUS_VIOLENCE_DUTY"
    CHANNEL = "CHANNEL"
    DVDS = "DVDS"
    CSODS = "CSODS"
    CHILD_DEATH_REVIEW = "CHILD_DEATH_REVIEW"
    DARDR = "DARDR"
    NONE = "NONE"


class AgencyType(StrEnum):
    """Kinds of body that ask, hold or receive."""

    POLICE = "police"
    PROBATION = "probation"
    PRISON = "prison"
    YOUTH_OFFENDING = "youth_offending"
    LA_CHILDRENS = "la_childrens"
    LA_ADULTS = "la_adults"
    LA_HOUSING = "la_housing"
    HOUSING_ASSOCIATION = "housing_association"
    PRIVATE_LANDLORD = "private_landlord"
    SCHOOL = "school"
    EARLY_YEARS = "early_years"
    NHS_GP = "nhs_gp"
    NHS_ACUTE = "nhs_acute"
    NHS_MENTAL_HEALTH = "nhs_mental_health"
    ICB = "icb"
    AMBULANCE = "ambulance"
    SUBSTANCE_MISUSE_SERVICE = "substance_misuse_service"
    DA_SERVICE = "da_service"
    SEXUAL_VIOLENCE_SERVICE = "sexual_violence_service"
    PERPETRATOR_PROGRAMME = "perpetrator_programme"
    JOBCENTRE_DWP = "jobcentre_dwp"
    ELECTRONIC_MONITORING = "electronic_monitoring"
    HOME_OFFICE_IMMIGRATION = "home_office_immigration"
    HOME_OFFICE_CASEWORK = "home_office_casework"
    CAFCASS = "cafcass"
    FAMILY_COURT = "family_court"
    PAROLE_BOARD = "parole_board"
    MAPPA_UNIT = "mappa_unit"
    MARAC_COORDINATION = "marac_coordination"
    SOCIAL_SECURITY_SCOTLAND = "social_security_scotland"
    CSP_UNIT = "csp_unit"
    SAFEGUARDING_PARTNERSHIP = "safeguarding_partnership"
    CHANNEL_PANEL = "channel_panel"
    SOLICITOR = "solicitor"
    EMPLOYER = "employer"
    FAITH_ORG = "faith_org"
    COMMUNITY_GROUP = "community_group"
    VOLUNTARY_MENTORING = "voluntary_mentoring"
    CONTRACTOR = "contractor"
    RESEARCH_BODY = "research_body"
    NATIONAL_DATABASE = "national_database"
    MEMBER_OF_PUBLIC = "member_of_public"
    FAMILY_MEMBER = "family_member"
    PERPETRATOR = "perpetrator"
    VICTIM = "victim"
    VICTIM_ADVOCACY = "victim_advocacy"
    DARDR_CHAIR = "dardr_chair"
    GOVERNANCE = "governance"
    SUPPORTING_FAMILIES_TEAM = "supporting_families_team"
    COUNCIL_LEGAL = "council_legal"


class Duty(StrEnum):
    """Standing of a body in one arrangement."""

    RESPONSIBLE_AUTHORITY = "responsible_authority"
    DUTY_TO_COOPERATE = "duty_to_cooperate"
    ASSOCIATE = "associate"
    OTHER_STATUTORY_DUTY = "other_statutory_duty"
    NONE = "none"


class Orientation(StrEnum):
    """Whom the staff of a post work with."""

    VICTIM_FACING = "victim_facing"
    PERPETRATOR_FACING = "perpetrator_facing"
    NEUTRAL = "neutral"
    BOTH = "both"


class SubjectRole(StrEnum):
    """What the subject is in the case."""

    VICTIM = "victim"
    PERPETRATOR = "perpetrator"
    ALLEGED_PERPETRATOR = "alleged_perpetrator"
    CHILD_VICTIM = "child_victim"
    CHILD_OF_VICTIM = "child_of_victim"
    CHILD_AT_RISK = "child_at_risk"
    ADULT_AT_RISK = "adult_at_risk"
    RECURRENT_VICTIM = "recurrent_victim"
    RECURRENT_OFFENDER = "recurrent_offender"
    FAMILY_HOUSEHOLD = "family_household"
    PARTNER_AT_RISK = "partner_at_risk"
    DECEASED_VICTIM = "deceased_victim"
    DECEASED_CHILD = "deceased_child"
    WITNESS = "witness"
    DATA_POPULATION = "data_population"


class AgeBand(StrEnum):
    """Age at the time of the decision."""

    UNDER_13 = "under_13"
    FROM_13_TO_15 = "from_13_to_15"
    FROM_16_TO_17 = "from_16_to_17"
    ADULT = "adult"
    NOT_KNOWN = "not_known"


class Capacity(StrEnum):
    """Capacity for this decision (Mental Capacity Act 2005 ss1-4)."""

    HAS_CAPACITY = "has_capacity"
    LACKS_CAPACITY = "lacks_capacity"
    FLUCTUATING = "fluctuating"
    UNDER_16_GILLICK_COMPETENT = "under_16_gillick_competent"
    UNDER_16_NOT_COMPETENT = "under_16_not_competent"
    NOT_ASSESSED = "not_assessed"
    NOT_APPLICABLE = "not_applicable"


class Sensitivity(StrEnum):
    """How much harm a wrong disclosure does."""

    S1 = "S1"
    S2 = "S2"
    S3 = "S3"
    S3_PLUS = "S3+"
    S4 = "S4"
    X = "X"


class Category(StrEnum):
    """Kinds of information."""

    IDENTITY = "identity"
    CONTACT_SAFE = "contact_safe"
    ADDRESS_CURRENT = "address_current"
    LOCATION_AREA = "location_area"
    SAFETY_PLAN = "safety_plan"
    RISK_ASSESSMENT = "risk_assessment"
    RISK_MANAGEMENT_PLAN = "risk_management_plan"
    HEALTH_PHYSICAL = "health_physical"
    HEALTH_MENTAL = "health_mental"
    HEALTH_SEXUAL = "health_sexual"
    SUBSTANCE_USE = "substance_use"
    COUNSELLING_NOTES = "counselling_notes"
    SEXUAL_LIFE = "sexual_life"
    PROTECTED_CHARACTERISTICS = "protected_characteristics"
    GENDER_RECOGNITION = "gender_recognition"
    ACCESS_NEEDS = "access_needs"
    ALLEGATIONS = "allegations"
    CONVICTIONS = "convictions"
    INTELLIGENCE = "intelligence"
    SOURCE_IDENTITY = "source_identity"
    VISOR_RECORD = "visor_record"
    SUPERVISION_CONDITIONS = "supervision_conditions"
    IMMIGRATION_STATUS = "immigration_status"
    CHILD_DETAILS = "child_details"
    EDUCATION = "education"
    FAMILY_PROCEEDINGS = "family_proceedings"
    HOUSING = "housing"
    FINANCES = "finances"
    BIOMETRIC = "biometric"
    VICTIM_VIEWS = "victim_views"
    MINUTES = "minutes"
    DISCLOSURE_LOG = "disclosure_log"


class Purpose(StrEnum):
    """What the information is for."""

    PUBLIC_PROTECTION = "public_protection"
    VICTIM_SAFETY = "victim_safety"
    CHILD_PROTECTION = "child_protection"
    EARLY_HELP = "early_help"
    ADULT_SAFEGUARDING = "adult_safeguarding"
    OFFENDER_MANAGEMENT = "offender_management"
    CRIME_PREVENTION = "crime_prevention"
    STRATEGIC_CRIME_REDUCTION = "strategic_crime_reduction"
    CRIMINAL_INVESTIGATION = "criminal_investigation"
    PROTECTIVE_THIRD_PARTY_DISCLOSURE = "protective_third_party_disclosure"
    CASE_REVIEW = "case_review"
    LEGAL_PROCEEDINGS = "legal_proceedings"
    HOUSING_ALLOCATION = "housing_allocation"
    SERVICE_COORDINATION = "service_coordination"
    IMMIGRATION_ENFORCEMENT = "immigration_enforcement"
    IMMIGRATION_SUPPORT = "immigration_support"
    SUBJECT_RIGHTS = "subject_rights"
    OVERSIGHT = "oversight"
    EMERGENCY = "emergency"
    RESEARCH_EVALUATION = "research_evaluation"
    RECORD_CORRECTION = "record_correction"
    EMPLOYMENT_VETTING = "employment_vetting"
    SENTENCE_REVIEW = "sentence_review"
    CURIOSITY = "curiosity"


class Power(StrEnum):
    """Statutory and other powers named in a request."""

    CJA2003_S325 = "cja2003_s325"
    CJA2003_S327A = "cja2003_s327a"
    CDA1998_S115 = "cda1998_s115"
    CDA1998_S17A = "cda1998_s17a"
    OMA2007_S14 = "oma2007_s14"
    CA1989_S47 = "ca1989_s47"
    CA1989_S17 = "ca1989_s17"
    CA2004_S10 = "ca2004_s10"
    CA2004_S11 = "ca2004_s11"
    CA2004_S16LB = "ca2004_s16lb"
    CA2004_S16H = "ca2004_s16h"
    CA2004_S16M = "ca2004_s16m"
    CARE2014_S42 = "care2014_s42"
    CARE2014_S45 = "care2014_s45"
    PCSCA2022_S16 = "pcsca2022_s16"
    PCSCA2022_S44A = "pcsca2022_s44a"
    DEA2017_S35 = "dea2017_s35"
    CTSA2015_S38 = "ctsa2015_s38"
    DVCVA2004_S9 = "dvcva2004_s9"
    COMMON_LAW_POLICE = "common_law_police"
    COURT_ORDER = "court_order"
    CONSENT = "consent"
    PUBLIC_INTEREST = "public_interest"
    VITAL_INTERESTS = "vital_interests"
    MCA2005 = "mca2005"
    UKGDPR_ART15 = "ukgdpr_art15"
    UKGDPR_ART17 = "ukgdpr_art17"
    UKGDPR_ART16_19 = "ukgdpr_art16_19"
    AHRA1990 = "ahra1990"
    MOAS2005_S10 = "moas2005_s10"
    DA2021_S77 = "da2021_s77"
    FGM2003_S5B = "fgm2003_s5b"
    NONE_STATED = "none_stated"


class DpRegime(StrEnum):
    """Which part of data-protection law governs the holder."""

    UK_GDPR = "uk_gdpr"
    PART3 = "part3"


class DpCondition(StrEnum):
    """Data-protection conditions."""

    ART6_1_A_CONSENT = "art6_1_a_consent"
    ART6_1_C_LEGAL_OBLIGATION = "art6_1_c_legal_obligation"
    ART6_1_D_VITAL_INTERESTS = "art6_1_d_vital_interests"
    ART6_1_E_PUBLIC_TASK = "art6_1_e_public_task"
    ART6_1_EA_RECOGNISED_INTEREST = "art6_1_ea_recognised_interest"
    ART6_1_F_LEGITIMATE_INTEREST = "art6_1_f_legitimate_interest"
    SCH1_PARA6_STATUTORY = "sch1_para6_statutory"
    SCH1_PARA10_UNLAWFUL_ACTS = "sch1_para10_unlawful_acts"
    SCH1_PARA18_SAFEGUARDING = "sch1_para18_safeguarding"
    ART9_2_H_CARE = "art9_2_h_care"
    S35_SCH8_PARA4_SAFEGUARDING = "s35_sch8_para4_safeguarding"
    S35_SCH8_PARA1_STATUTORY = "s35_sch8_para1_statutory"


class ConfidenceBasis(StrEnum):
    """Why a duty of confidence does not stand in the way."""

    AGREEMENT = "agreement"
    LAW = "law"
    COURT = "court"
    PUBLIC_INTEREST = "public_interest"
    BEST_INTERESTS = "best_interests"
    NOT_CONFIDENTIAL = "not_confidential"
    NOT_STATED = "not_stated"


class ConsentStatus(StrEnum):
    """Computed state of views or consent."""

    NOT_REQUIRED = "not_required"
    NOT_SOUGHT = "not_sought"
    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    OUT_OF_SCOPE = "out_of_scope"
    INVALID_DURESS = "invalid_duress"
    UNABLE = "unable"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


class RiskLevel(StrEnum):
    """Assessed risk."""

    UNKNOWN = "unknown"
    STANDARD = "standard"
    MEDIUM = "medium"
    HIGH = "high"
    VERY_HIGH = "very_high"
    IMMINENT = "imminent"


class Outcome(StrEnum):
    """What a line comes to."""

    PERMIT = "permit"
    REFER = "refer"
    DENY = "deny"


class Effect(StrEnum):
    """What a rule does."""

    PERMIT = "permit"
    REFER = "refer"
    DENY = "deny"
    OBLIGE = "oblige"


class Stage(StrEnum):
    """Stages of a decision, in order."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"
    G = "G"
    H = "H"
